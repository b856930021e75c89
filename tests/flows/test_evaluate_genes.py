"""``genemamba evaluate --gene-sets`` as a user runs it, after the main job."""

import shutil
import sys
import warnings
from pathlib import Path

import anndata as ad
import pytest

from tests.support import genemamba

EVALUATE = (sys.executable, "-c", "from flows.commands import evaluate; evaluate()")


@pytest.fixture(scope="module")
def home(main_job, tmp_path_factory):
    """A copy, as other tests count what is in the main job's home."""
    original, _ = main_job
    return shutil.copytree(original, tmp_path_factory.mktemp("genes") / "home")


@pytest.fixture(scope="module")
def gene_sets(reference, tmp_path_factory):
    """Six sets of genes that the first deposit measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file is of an old anndata
        genes = ad.read_h5ad(reference).var_names
    path = tmp_path_factory.mktemp("sets") / "six.gmt"
    path.write_text("".join("\t".join([f"s{i}", "", *genes[i::6]]) + "\n" for i in range(6)))
    return path


@pytest.fixture(scope="module")
def done(home, gene_sets):
    return genemamba(home, "--atlas", "pbmc", "--gene-sets", gene_sets, "--json", command=EVALUATE)


def test_genes_are_scored_beside_what_was_scored_before(done):
    assert (done.returncode, done.stderr) == (0, "")
    found = {stage["stage"]: stage["reused"] for stage in done.document["stages"]}
    assert found == {
        "compose": True, "pretrain": True, "annotate": True, "split": True, "evaluate": True,
        "evaluate-genes": False, "report": False, "model-card": False,
    }  # fmt: skip
    genes = done.document["genes"]
    assert genes["gene_sets"] == "six.gmt"
    assert genes["reconstruction"]["reconstruction_levenshtein"]["copy_next"] == 11
    assert 0 <= genes["hidden"]["hidden_gene_accuracy"]["genemamba"] <= 1


def test_report_card_and_history_show_them(done, home):
    history = genemamba(home, "history", "--atlas", "pbmc", "--json").document["metrics"]
    page = Path(done.document["report"]).read_text()
    card = (Path(done.document["model_card"]) / "model-card.md").read_text()

    (metric,) = [
        m for m in history if (m["name"], m["subject"]) == ("reconstruction_bleu", "copy_next")
    ]
    assert metric["implementation"].startswith("nltk@")
    assert 'id="genes"' in page
    assert "Genes: rank reconstruction, as published" in card
    assert "| GeneMamba | " in card


def test_a_file_that_is_none_of_gene_sets_is_refused_before_any_work(home, tmp_path):
    path = tmp_path / "bad.gmt"
    path.write_text("only a name\n")

    refused = genemamba(home, "--atlas", "pbmc", "--gene-sets", path, command=EVALUATE)

    assert refused.returncode == 2
    assert "a gene set's name, a description and genes" in " ".join(refused.stderr.split())
