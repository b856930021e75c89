"""Scores of genes are a recorded stage whose numbers stand in the history and in the report."""

from pathlib import Path

import pytest

from genemamba.atlas.genes.tables import load_reference
from genemamba.evaluation.genes.files import read_gene_evaluation
from genemamba.report.assembly import add_genes
from genemamba.report.data import ReportData
from genemamba.report.page import render_report
from genemamba.tokens.gmt import read_gmt
from tasks.gene_evaluation import score_genes
from tests.browser import Outline, text_of
from tests.small_atlas import gene_ids
from tests.small_home import small_home


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def gene_sets(tmp_path_factory):
    symbols = [load_reference().symbols[gene] for gene in gene_ids()]
    path = tmp_path_factory.mktemp("sets") / "types.gmt"
    path.write_text("\n".join("\t".join([f"s{at}", "", *symbols[at : at + 20]]) for at in (0, 20)))
    return read_gmt(path)


def score(small, gene_sets, **changes):
    options = {"seed": 0, "max_cells": 100, "device": "cpu", **changes}
    return score_genes.fn(small.workspace, small.version, small.model, gene_sets, **options)


@pytest.fixture(scope="module")
def stage(small, gene_sets):
    return score(small, gene_sets)


@pytest.fixture(scope="module")
def evaluation(stage):
    return read_gene_evaluation(Path(stage.artifact.uri))


def test_lineage_names_cells_model_and_gene_sets(small, stage, gene_sets):
    with small.workspace.open_catalog() as catalog:
        run = catalog.run(stage.run_id)

    assert {edge.role: edge.artifact.digest for edge in run.inputs} == {
        "atlas": small.version.artifact.digest,
        "model": small.model.artifact.digest,
        "gene-sets": gene_sets.digest,
    }
    assert run.seed == 0


def test_every_number_is_in_the_history_with_interval_n_and_implementation(
    small, stage, evaluation
):
    with small.workspace.open_catalog() as catalog:
        metrics = catalog.run_metrics(stage.run_id)

    found = {(m.name, m.subject): m for m in metrics}
    n_nulls = sum(score.null is not None for score in evaluation.scores)
    assert len(found) == len(metrics) == len(evaluation.scores) + n_nulls
    for score_ in evaluation.scores:
        metric = found[score_.metric, score_.subject]
        assert (metric.value, metric.n, metric.slice, metric.implementation) == (
            score_.value, score_.n, score_.slice, score_.implementation,
        )  # fmt: skip
        assert (metric.ci_low, metric.ci_high) == (score_.interval or (None, None))
        assert (metric.atlas_version, metric.model_version) == ("small@1", "small-tiny@1")
    p_value = found["pathway_auroc_p_value", "coexpression"].value
    assert p_value == 0.002
    assert found["reconstruction_bleu", "copy_next"].implementation.startswith("nltk@")


def test_the_same_work_is_found_and_another_seed_is_other_work(small, stage, gene_sets):
    again = score(small, gene_sets)

    assert (again.reused, again.run_id) == (True, stage.run_id)


def test_the_page_shows_the_scores_and_leads_to_their_run(small, stage, evaluation):
    with small.workspace.open_catalog() as catalog:
        lineage = catalog.lineage(stage.artifact.digest)
        at = catalog.run(stage.run_id).started_at
    bare = ReportData(atlas="small", version="1", generated_at=at, n_obs=60, n_vars=60, deposits=())

    page = render_report(add_genes(bare, lineage, stage.run_id, evaluation))

    text, outline = text_of(page), Outline(page)
    assert f"#run-evaluate-genes-{stage.run_id[:8]}" in outline.targets
    assert {target.removeprefix("#") for target in outline.targets} <= set(outline.ids)
    for expected in (
        "Rank reconstruction, as published",
        "Copies the next token control",
        "gene sets of types.gmt",
        "Scoring of genes",
        "p 0.002, by chance",
    ):
        assert expected in text
    for score_ in evaluation.scores:
        if abs(score_.value) <= 1:
            assert f"{score_.value:.3f}".replace("-", "\N{MINUS SIGN}") in text
