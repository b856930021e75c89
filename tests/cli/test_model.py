"""Published models on the command line: imported, listed, shown, exported, refused."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from genemamba.storage import tree_manifest
from tests.published_files import gene_names, published_tensors, write_published, write_table


@pytest.fixture
def folder(tmp_path):
    return write_published(tmp_path / "gm-small", published_tensors(fusion="sum"), fusion="sum")


@pytest.fixture
def ask(run):
    """Run ``genemamba model`` and read its JSON document."""

    def ask_for(*arguments):
        done = run("model", *arguments, "--json")
        assert (done.code, done.err) == (0, "")
        return json.loads(done.out)

    return ask_for


def test_imported_model_is_listed_and_shown_with_its_findings(run, ask, folder):
    imported = ask("import", folder)

    assert imported["model"] == "gm-small@1"
    assert imported["n_parameters"] == sum(t.numel() for t in published_tensors().values())
    assert (imported["fusion"], imported["padding"], imported["seqlen"]) == (
        "sum",
        "upstream",
        2048,
    )
    assert {f["rule"] for f in imported["findings"]} == {"padding-upstream", "size-unpublished"}
    (listed,) = ask("list")["models"]
    shown = ask("show", "gm-small")
    assert listed == shown
    assert {key: shown[key] for key in ("digest", "uri", "run", "findings")} == {
        key: imported[key] for key in ("digest", "uri", "run", "findings")
    }
    row = run("model", "list").out.splitlines()[1].split()
    assert row[:5] == ["gm-small@1", "-", str(imported["n_parameters"]), "-", "-"]


def test_import_shows_facts_findings_and_name(run, folder):
    out = run("model", "import", folder, "--padding", "aware", "--name", "gm").out

    lines = [line.split() for line in out.splitlines()]
    assert ["fusion", "sum"] in lines
    assert ["padding", "aware"] in lines
    assert any(line[:2] == ["note", "size-unpublished"] for line in lines)
    assert lines[-1] == ["model:", "gm@1"]


def test_card_is_written_to_a_folder_and_by_the_import_itself(run, ask, folder, tmp_path):
    imported = ask("import", folder)

    shown = ask("show", "gm-small", "--card", tmp_path / "card")

    markdown, page = (tmp_path / "card" / name for name in ("model-card.md", "model-card.html"))
    assert shown["card"] == [str(markdown), str(page)]
    assert shown["ref"] == "gm-small@1"
    kept = Path(imported["model_card"])
    for file in (markdown, page):
        assert (kept / file.name).read_bytes() == file.read_bytes()


def test_show_says_what_the_model_is_and_what_is_known_against_it(run, ask, folder):
    findings = ask("import", folder)["findings"]

    out = run("model", "show", "gm-small").out

    assert out.startswith("gm-small@1: imported, ")
    assert "Nothing on record says that it saw a label." in out.splitlines()[0]
    assert "known limits\n" in out
    assert "No evaluation is on record" in out
    assert all(finding["message"] in out for finding in findings)


def test_lineage_names_the_imported_files_by_their_bytes(run, ask, folder):
    ask("import", folder)

    lineage = json.loads(run("lineage", "model:gm-small", "--json").out)

    found = json.dumps(lineage)
    for name in ("model.safetensors", "config.json", "tokenizer.json", "vocabulary.tsv.gz"):
        assert tree_manifest(str(folder / name)).digest in found
        assert str(folder / name) in found


def test_same_import_is_found_and_another_choice_is_another_version(ask, folder):
    first, again = ask("import", folder), ask("import", folder)
    other = ask("import", folder, "--padding", "aware")

    assert (first["reused"], again["reused"]) == (False, True)
    assert again["run"] == first["run"]
    assert (other["model"], other["padding"]) == ("gm-small@2", "aware")


def test_weights_alone_are_named_after_their_folder(ask, folder, tmp_path):
    table = write_table(tmp_path / "tokens.tsv", gene_names(20))

    imported = ask(
        "import", folder / "model.safetensors", "--vocabulary", table, "--fusion", "mean"
    )

    assert (imported["model"], imported["fusion_from"]) == ("gm-small@1", "option")


@pytest.mark.parametrize("spelling", [None, "original", "huggingface"])
def test_exported_tensors_are_the_imported_ones(spelling, ask, folder, tmp_path):
    ask("import", folder)

    options = ["--format", spelling] if spelling else []
    exported = ask("export", "gm-small@1", tmp_path / "out", *options)

    found = safetensors.torch.load_file(tmp_path / "out" / "model.safetensors")
    prefix = "genemamba." if spelling == "huggingface" else ""
    tensors = published_tensors(fusion="sum")
    assert exported["format"] == (spelling or "original")
    assert len(found) == exported["n_tensors"] == len(tensors)
    for name, tensor in tensors.items():
        key = name if name.startswith("lm_head.") else f"{prefix}{name}"
        assert torch.equal(found[key].view(torch.int32), tensor.view(torch.int32))


def test_refused_checkpoint_leaves_nothing_on_record(run, ask, folder):
    tensors = published_tensors()
    del tensors["lm_head.bias"]
    safetensors.torch.save_file(tensors, folder / "model.safetensors")

    done = run("model", "import", folder, "--json")

    assert done.code == 2
    assert json.loads(done.out)["error"]["found"] == "1 missing: lm_head.bias"
    assert ask("list") == {"models": []}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["import", "absent"], 2, "nothing at absent", id="no-path"),
        pytest.param(["import", ".", "--name", "a b"], 2, "Expected letters, digits", id="name"),
        pytest.param(["import", ".", "--seqlen", "0"], 2, "0 is not in the range", id="seqlen"),
        pytest.param(["import", ".", "--fusion", "max"], 2, "'max' is not one of", id="fusion"),
        pytest.param(["export", "absent", "out"], 1, "found 'absent'", id="no-model"),
    ],
)
def test_bad_names_and_choices_are_refused(run, arguments, code, message):
    done = run("model", *arguments)

    assert done.code == code
    assert message in " ".join(done.err.split())


def test_commands_of_the_application_join_those_of_the_library(run):
    out = run("model", "--help").out

    listed = out.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line] == ["export", "import", "list", "show"]
