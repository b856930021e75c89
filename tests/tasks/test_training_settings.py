"""What a model learns to do, and how, is part of the work, and of the record."""

import json
import shutil

import pytest

from genemamba.errors import SourceError
from genemamba.tokens.gmt import read_gmt
from tasks.model import train_model
from tasks.result_tables import show_result
from tasks.results import AtlasResult
from tasks.settings import CourseSettings, ObjectiveSettings
from tests.small_atlas import gene_ids
from tests.small_home import small_home


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("objectives"))


@pytest.fixture
def gene_sets(tmp_path):
    path = tmp_path / "types.gmt"
    path.write_text("\n".join("\t".join([f"s{i}", "", *gene_ids()[i::3]]) for i in range(3)))
    return path


def train(home, **settings):
    return train_model.fn(
        home.workspace, home.version, preset="tiny", steps=3, seed=0, device="cpu",
        objective=ObjectiveSettings(**settings),
    )  # fmt: skip


def train_so(home, **course):
    return train_model.fn(
        home.workspace, home.version, preset="tiny", steps=3, seed=0, device="cpu",
        course=CourseSettings(**course),
    )  # fmt: skip


def params(home, ref):
    with home.workspace.open_catalog() as catalog:
        return catalog.run(ref.run_id).params


def test_defaults_are_the_work_that_was_done_without_them(home):
    ref = train(home)

    assert ref.reused
    assert ref.run_id == home.model.run_id
    assert set(params(home, ref)) & {"objective", "gene_sets", "value_tokens"} == set()


def test_each_choice_is_another_work_and_found_again(home, gene_sets):
    choices = [
        {"objective": "next_token_causal"},
        {"gene_sets": str(gene_sets)},
        {"gene_sets": str(gene_sets), "gene_set_weight": 0.5},
        {"value_tokens": True},
    ]
    refs = [train(home, **choice) for choice in choices]

    assert len({ref.artifact.digest for ref in refs} | {home.model.artifact.digest}) == 5
    assert [train(home, **choice).run_id for choice in choices] == [ref.run_id for ref in refs]
    assert train(home, gene_set_weight=0.5).run_id == home.model.run_id


def test_how_a_training_runs_is_in_its_record_and_in_its_checkpoint(home):
    course = {"accumulation_steps": 2, "micro_batch_size": 4, "checkpoint_layers": True}

    ref = train_so(home, **course)

    config = json.loads((home.deposit.parent / ref.artifact.uri / "config.json").read_text())
    assert {name: config["training"][name] for name in course} == course
    assert course.items() <= params(home, ref).items()
    assert ref.artifact.digest != home.model.artifact.digest
    assert train_so(home).run_id == home.model.run_id


def test_gene_sets_are_known_by_their_content_in_params_facets_and_files(home, gene_sets, tmp_path):
    digest = read_gmt(gene_sets).digest
    first = train(home, gene_sets=str(gene_sets))
    moved = shutil.copy(gene_sets, tmp_path / "elsewhere.gmt")

    again = train(home, gene_sets=str(moved))
    gene_sets.write_text(gene_sets.read_text().replace("s0\t", "other\t"))
    changed = train(home, gene_sets=str(gene_sets))

    assert again.run_id == first.run_id != changed.run_id
    assert params(home, first)["gene_sets"] == first.artifact.facets["gene_sets"] == digest
    config = json.loads((home.deposit.parent / first.artifact.uri / "config.json").read_text())
    assert config["training"]["gene_sets"] == digest


def test_the_leak_is_in_the_record_and_in_the_summary(home, capsys):
    with pytest.warns(UserWarning, match="solved by copying"):
        ref = train(home, objective="next_token_upstream")

    (finding,) = ref.artifact.facets["findings"]
    assert (finding["rule"], finding["severity"]) == ("objective-leaks", "warning")
    assert home.model.artifact.facets["findings"] == []
    show_result(AtlasResult.gather(atlas="small", model=ref), as_json=False)
    assert "warning: The model was trained to name genes that it had seen" in " ".join(
        capsys.readouterr().out.split()
    )


def test_how_many_gene_sets_matched_is_in_the_record_and_in_the_summary(home, gene_sets, capsys):
    with gene_sets.open("a") as file:
        file.write("\nabsent\t\tgag\tvif\tvpr\tvpu\trev")

    ref = train(home, gene_sets=str(gene_sets))

    show_result(AtlasResult.gather(atlas="small", model=ref), as_json=False)
    assert (
        "note: 3 of 4 gene sets have 5 to 500 measured genes; 60 of 65 names of genes are"
        " measured, 60 are known."
    ) in " ".join(capsys.readouterr().out.split())
    assert [f["rule"] for f in ref.artifact.facets["findings"]] == ["gene-sets-matched"]


def test_a_file_that_is_no_gmt_is_refused_before_any_work(home, tmp_path):
    (tmp_path / "sets.gmt").write_text("gene,set\n")

    with pytest.raises(SourceError, match="in line 1"):
        train(home, gene_sets=str(tmp_path / "sets.gmt"))
