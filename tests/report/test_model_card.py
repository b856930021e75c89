"""A model card says what the catalog knows of a model version, and both of its forms say it."""

import dataclasses
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from genemamba.catalog.values import Edge, Metric
from genemamba.report.model_card import gather_model_card
from genemamba.report.model_card_data import CardCell, CardStore
from genemamba.report.model_card_page import (
    HTML_FILE,
    MARKDOWN_FILE,
    listed_steps,
    render_html,
    render_markdown,
    write_model_card,
)
from genemamba.storage import tree_manifest
from genemamba.training.published.importing import ImportOptions
from genemamba.training.supervision import SAW_LABELS
from tasks.model_card import write_card
from tasks.published import import_model
from tasks.stages import Produced, StagePlan, run_stage
from tests.browser import Outline, look_at, text_of
from tests.published_files import published_tensors, write_published
from tests.small_atlas import small_adata
from tests.small_home import small_home


def score(small, name, model, *metrics):
    """Record numbers of a model version, as a run of its own."""
    plan = StagePlan(
        stage="evaluate",
        kind="evaluation",
        folder="evaluations",
        suffix=".txt",
        inputs=[Edge(role="atlas", artifact=small.version.artifact)],
        params={"name": name},
        modules=["keys.py"],
    )
    about = {"dataset_version": "small@1", "model_version": model, "implementation": "ours@1"}

    def work(staged):
        Path(staged).write_text(name)
        return Produced(metrics=[Metric(**about, **metric) for metric in metrics])

    return run_stage(small.workspace, plan, work)


def fine_tune(small):
    """Make a model version that says that it comes from the first one and has seen labels."""
    plan = StagePlan(
        stage="fine-tune",
        kind="checkpoint",
        folder="models",
        suffix="",
        inputs=[
            Edge(role="atlas", artifact=small.version.artifact),
            Edge(role="model", artifact=small.model.artifact),
        ],
        params={},
        modules=["keys.py"],
    )

    def work(staged):
        folder = Path(staged)
        folder.mkdir()
        for file in Path(small.model.artifact.uri).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / "head.json").write_text("{}")
        facets = {"n_parameters": 5, SAW_LABELS: True, "findings": []}
        return Produced(facets=facets, model_name="small-tuned")

    return run_stage(small.workspace, plan, work)


def accuracy(subject, value, *, low=None, high=None):
    return {
        "name": "accuracy", "subject": subject, "value": value, "n": 60,
        "slice": "labelled cells", "split": "held-out batch", "ci_low": low, "ci_high": high,
    }  # fmt: skip


def gather(small, ref="small-tiny"):
    with small.workspace.open_catalog() as catalog:
        return gather_model_card(catalog, ref)


def rows_of(table):
    return [
        (row.title, row.role, *(cell and cell.text for cell in row.cells)) for row in table.rows
    ]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    home = small_home(tmp_path_factory.mktemp("small"))
    score(
        home, "one", "small-tiny@1",
        accuracy("genemamba", 0.5), accuracy("logistic_regression_pca", 0.4),
    )  # fmt: skip
    score(
        home, "two", "small-tiny@1",
        accuracy("genemamba", 0.75, low=0.625, high=0.875),
        accuracy("logistic_regression_pca", 0.8, low=0.7, high=0.9),
        accuracy("majority_vote", math.nan),
    )  # fmt: skip
    fine_tune(home)
    score(home, "three", "small-tuned@1", accuracy("genemamba", 0.9), accuracy("knn_pca", 0.8))
    return home


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    """A home whose deposit says under which licence it is."""

    def with_licence(**options):
        adata = small_adata(**options)
        adata.uns["license"] = "CC BY 4.0"
        return adata

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.small_home.small_adata", with_licence)
        return small_home(tmp_path_factory.mktemp("licensed"))


@pytest.fixture(scope="module")
def card(small):
    return gather(small)


def test_the_card_says_what_made_the_model(small, card):
    assert (card.ref, card.digest, card.uri) == (
        "small-tiny@1", small.model.artifact.digest, small.model.artifact.uri,
    )  # fmt: skip
    assert (card.origin, card.saw_labels, card.base) == ("trained here", False, None)
    assert card.derived == ("small-tuned@1",)
    assert (card.n_genes, len(card.history)) == (60, 3)
    assert card.n_parameters == small.model.artifact.facets["n_parameters"]
    assert (card.data.atlas, card.data.n_obs) == ("small@1", 60)
    store = small.outcome.entry
    assert card.data.stores == (
        CardStore("study", 60, 60, store.digest, str(small.deposit), "not on record"),
    )
    losses = dict(card.losses)
    assert float(losses["training loss, cells trained on"]) == pytest.approx(
        card.history[-1].loss, rel=1e-3
    )
    provenance = dict(card.provenance)
    assert provenance["Seed"] == "0"
    assert provenance["Checkpoint"] == card.digest
    assert provenance["Input: atlas"] == small.version.artifact.digest
    assert small.model.run_id in provenance["Run"]
    assert "torch 2" in provenance["Libraries"]


def test_the_newest_scores_stand_beside_baselines_and_controls_with_intervals(card):
    found = [table for table in card.zero_shot if "held-out batch" in table.about]

    (table,) = found
    assert (table.title, table.model) == ("Annotation, small@1", "small-tiny@1")
    assert table.about == "held-out batch; labelled cells; n = 60; ours@1"
    assert rows_of(table) == [
        ("GeneMamba", "model", "0.750"),
        ("PCA, logistic regression", "baseline", "0.800"),
        ("Majority vote", "control", "\N{EN DASH}"),
    ]
    assert table.rows[0].cells == (CardCell("0.750", "0.625 to 0.875"),)


def test_scores_of_weights_that_saw_labels_stand_apart(small, card):
    tuned = gather(small, "small-tuned")

    (supervised,) = card.supervised
    assert (supervised.model, rows_of(supervised)[0]) == (
        "small-tuned@1", ("GeneMamba", "model", "0.900"),
    )  # fmt: skip
    assert (tuned.origin, tuned.saw_labels, tuned.base) == (
        "fine-tuned here", True, "small-tiny@1",
    )  # fmt: skip
    assert [t.model for t in tuned.supervised] == ["small-tuned@1"]
    assert {t.model for t in tuned.zero_shot} == {"small-tiny@1"}
    assert tuned.objective[0].startswith("Fine-tuned from small-tiny@1")
    assert any("supervised methods only" in limit for limit in tuned.limits)


def test_a_licence_is_told_in_the_words_of_the_deposit(licensed):
    card = gather(licensed)

    assert card.data.stores[0].licence == "CC BY 4.0"
    assert not any("licence" in limit for limit in card.limits)


def test_what_is_known_against_the_model_is_said(card):
    limits = " ".join(card.limits)

    assert "Accuracy on small@1, held-out batch: 0.750 is not above 0.800" in limits
    assert "Human genes only" in limits
    assert "It knows 60 genes" in limits
    assert "do not say under which licence" in limits
    assert re.search(r"In training it read \d+ cells, each of the 60 of small@1", limits)
    assert "The scores on small@1 are of cells that it was trained on" in limits


def test_findings_of_an_imported_model_are_limits_and_its_training_is_unknown(small, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(fusion="sum"), fusion="sum")
    stage = import_model(small.workspace, folder, ImportOptions(), name="gm")

    card = gather(small, "gm")

    assert (card.origin, card.data, card.history) == ("imported", None, ())
    assert card.n_genes == 20
    assert card.objective == ("A published checkpoint: how it was trained is not in its files.",)
    for finding in stage.artifact.facets["findings"]:
        assert any(limit.startswith(finding["message"]) for limit in card.limits)
    assert "No evaluation is on record: nothing is known of how well it does." in card.limits
    assert "None on record" in text_of(render_html(card))


def test_lost_files_are_told_and_the_record_is_still_shown(licensed):
    config = Path(licensed.model.artifact.uri) / "config.json"
    lost = config.rename(config.with_name("lost"))

    card = gather(licensed)

    lost.rename(config)
    assert (card.n_genes, card.history) == (None, ())
    assert card.objective == ("Its files are not where they were, and its objective with them.",)
    assert any("Its files are not where they were" in limit for limit in card.limits)
    assert dict(card.settings)["preset"] == "tiny"
    assert render_html(card).startswith("<!doctype html>")


def test_a_model_that_repeats_what_it_reads_is_told(licensed):
    about = {"name": "named_next_token", "n": 10, "slice": "10 cells"}
    score(
        licensed, "copies", "small-tiny@1",
        {**about, "subject": "genemamba", "value": 0.97},
        {**about, "subject": "copy_next", "value": 1.0},
    )  # fmt: skip

    (told,) = [limit for limit in gather(licensed).limits if "copying" in limit]

    assert told.startswith("On small@1 it names the next token that it reads at 97% of positions")


def test_the_same_record_gives_the_same_card_and_a_new_number_another(licensed):
    workspace, model = licensed.workspace, licensed.model
    first, again = (write_card.fn(workspace, model) for _ in range(2))

    score(licensed, "later", "small-tiny@1", accuracy("genemamba", 0.5))
    later = write_card.fn(workspace, model)

    assert (first.reused, again.reused, later.reused) == (False, True, False)
    assert again.run_id == first.run_id
    assert later.artifact.uri != first.artifact.uri
    folder = Path(later.artifact.uri)
    assert sorted(file.name for file in folder.iterdir()) == [HTML_FILE, MARKDOWN_FILE]
    assert tree_manifest(first.artifact.uri).digest == first.artifact.digest
    with workspace.open_catalog() as catalog:
        roles = [edge.role for edge in catalog.run(later.run_id).inputs]
        n_scored = len({metric.run_id for metric in catalog.model_metrics("small-tiny@1")})
    assert sorted(roles) == [*["evaluation"] * n_scored, "model"]


def test_both_forms_say_the_same(card, tmp_path):
    markdown, page = write_model_card(card, tmp_path / "new")
    plain = re.sub(r"[`|\\]", " ", markdown.read_text())
    words, shown = (re.sub(r"\s+", " ", text) for text in (plain, text_of(page.read_text())))

    for text in (words, shown):
        for limit in card.limits:
            assert limit in text
        for fact in (*card.losses, *card.settings, *card.provenance):
            assert fact.name in text
            assert fact.value in text
        for table in (*card.zero_shot, *card.supervised):
            assert table.title in text
            for row in table.rows:
                assert row.title in text
                assert all(cell.interval in text for cell in row.cells if cell)
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [HTML_FILE, MARKDOWN_FILE]
    assert write_model_card(card, tmp_path / "new")[1].read_bytes() == page.read_bytes()


def test_markdown_is_tables_lists_and_headings_to_another_program(card):
    tokens = MarkdownIt("commonmark").enable("table").parse(render_markdown(card))

    kinds = [token.type for token in tokens]
    n_scores = len(card.zero_shot) + len(card.supervised)
    assert kinds.count("table_open") == 3 + n_scores
    assert kinds.count("heading_open") == 1 + 5 + 1 + 2 + n_scores
    assert kinds.count("list_item_open") == len(card.limits) + len(card.losses) + len(
        card.provenance
    )
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_names_from_outside_are_escaped_in_both_forms(card):
    odd = dataclasses.replace(
        card,
        data=dataclasses.replace(
            card.data, stores=(CardStore("a|b <b>", 1, 1, card.digest, "x\ny", "CC BY 4.0"),)
        ),
    )

    assert "a|b &lt;b&gt;" in render_html(odd)
    assert "| a\\|b &lt;b> | 1 | 1 |" in render_markdown(odd)
    assert "| CC BY 4.0 | x y |" in render_markdown(odd)


def test_the_page_stands_alone_and_its_links_lead_somewhere(card):
    page = render_html(card)
    outline = Outline(page)
    levels = [int(tag[1]) for tag in outline.tags if re.fullmatch("h[1-6]", tag)]

    assert not re.search(r"https?://", page)
    assert "script" not in outline.tags
    assert all(source.startswith("data:") for source in outline.sources)
    assert len(outline.ids) == len(set(outline.ids))
    assert {target.removeprefix("#") for target in outline.targets} <= set(outline.ids)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert [len(alt) > 20 for alt in outline.alts] == [True]


def test_steps_of_the_text_run_from_the_first_to_the_last(card):
    history = tuple(card.history[0]._replace(step=step) for step in range(1, 101))

    assert [point.step for point in listed_steps(history)] == [1, 15, 29, 43, 57, 71, 85, 100]
    assert listed_steps(history[:3]) == list(history[:3])


@pytest.mark.parametrize(
    ("width", "flags", "paper"),
    [
        (1280, [], "rgb(255, 255, 255)"),
        (390, [], "rgb(255, 255, 255)"),
        (1280, ["--blink-settings=preferredColorScheme=0"], "rgb(21, 24, 28)"),
    ],
    ids=["wide", "narrow", "dark"],
)
def test_a_browser_draws_the_card_and_asks_nobody(card, tmp_path, width, flags, paper):
    found = look_at(render_html(card), tmp_path, width=width, flags=flags)

    assert len(found["images"]) == 1
    assert min(found["images"]) > 0
    assert found["requests"] == []
    assert found["width"] <= found["inner"] == width
    assert found["paper"] == paper
