"""What is said of an accepted deposit: each rule with its count, examples and severity."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.tables import load_reference

N_OBS = 120
RETIRED, AMBIGUOUS, DATE = "ENSG00000131484.4", "Y_RNA", "9-Sep"


@pytest.fixture
def clean(gene_ids):
    """Two batches of cells like each other, with a name and a count for every gene."""
    counts = 1.0 + np.random.default_rng(6).poisson(3.0, (N_OBS, 30))
    adata = ad.AnnData(csr_matrix(counts), var=pd.DataFrame(index=gene_ids[:30]))
    adata.obs_names = [f"cell{i}" for i in range(N_OBS)]
    adata.obs["batch"] = ["a", "b"] * (N_OBS // 2)
    return adata


@pytest.fixture
def findings(deposit, plan):
    """Plan an ingest and return its findings by rule."""

    def find(adata, *, doublets="no", **options):
        found = plan(deposit(adata), doublets=doublets, **options).report["findings"]
        assert len({finding["rule"] for finding in found}) == len(found)
        severities = [finding["severity"] for finding in found]
        assert severities == sorted(severities, reverse=True)  # warnings before notes
        return {finding.pop("rule"): finding for finding in found}

    return find


def named(adata, names, counts):
    """Put other names and counts in place of the last genes."""
    dense, index = adata.X.toarray(), adata.var_names.tolist()
    index[-len(names) :] = names
    dense[:, -len(names) :] = counts
    return ad.AnnData(csr_matrix(dense), obs=adata.obs, var=pd.DataFrame(index=index))


def test_of_a_clean_deposit_only_the_doublets_are_spoken_of(clean, findings):
    assert findings(clean) == {
        "doublets-unscored": {
            "severity": "note",
            "message": f"Doublets of {N_OBS} cells were not scored.",
            "count": N_OBS,
            "examples": [],
            "remedy": "Ingest with --doublets yes to score them.",
        }
    }


@pytest.mark.parametrize(
    ("n_counts", "severity"),
    [pytest.param(1, "note", id="few counts"), pytest.param(30, "warning", id="many counts")],
)
@pytest.mark.parametrize(
    ("rule", "names", "what"),
    [
        pytest.param(
            "genes-ambiguous", [AMBIGUOUS], "names that several genes share", id="ambiguous"
        ),
        pytest.param(
            "genes-retired", [RETIRED], "Ensembl ids that the reference no longer has", id="retired"
        ),
        pytest.param(
            "genes-unknown", ["x1", "x2"], "names that the reference does not know", id="unknown"
        ),
    ],
)
def test_genes_without_an_id_are_counted_with_their_umis(
    clean, findings, rule, names, what, n_counts, severity
):
    adata = named(clean, names, n_counts)
    share = len(names) * n_counts * N_OBS / adata.X.sum()

    assert findings(adata)[rule] == {
        "severity": severity,
        "message": f"{len(names)} genes with {share:.1%} of the UMIs have {what}:"
        " they are kept under their own names.",
        "count": len(names),
        "examples": names,
        "remedy": "Name an HGNC file with --hgnc, or put Ensembl ids into the deposit.",
    }


def test_controls_and_mapped_genes_are_no_loss(clean, findings):
    adata = named(clean, ["ERCC-00002", "ENSSASG00005000004"], 30)

    assert set(findings(adata)) == {"doublets-unscored"}


def test_names_of_one_gene_that_were_added_up_are_shown(clean, findings, gene_ids):
    symbols = load_reference().symbols
    adata = named(clean, [symbols[gene] for gene in gene_ids[:4]], 2)

    found = findings(adata)["genes-merged"]

    assert (found["severity"], found["count"]) == ("note", 4)
    assert found["message"] == "4 genes had several names each: their counts were added up."
    assert found["examples"] == [f"{gene}: {gene}, {symbols[gene]}" for gene in gene_ids[:3]]


def test_symbols_that_a_spreadsheet_made_dates_of_are_shown_as_they_were(clean, findings):
    found = findings(named(clean, [DATE], 2))["genes-dates"]

    assert (found["severity"], found["count"], found["examples"]) == ("note", 1, [DATE])
    assert found["message"].startswith("1 symbols were turned into dates by a spreadsheet")


def test_features_that_are_no_genes_are_said_to_be_kept_apart(clean, findings):
    clean.var["feature_types"] = ["Gene Expression"] * 23 + ["Antibody Capture"] * 7

    assert findings(clean)["features-apart"] == {
        "severity": "note",
        "message": '7 features that are no genes are kept in obsm["antibody_capture"].',
        "count": 7,
        "examples": clean.var_names[23:28].tolist(),
        "remedy": "",
    }


def test_counts_that_were_off_by_noise_are_counted(clean, findings):
    clean.X.data[[3, 50, 500]] *= 1 + 1e-9

    assert findings(clean)["counts-rounded"] == {
        "severity": "note",
        "message": "3 counts were rounded: they were off by arithmetic noise.",
        "count": 3,
        "examples": [],
        "remedy": "",
    }


def test_labels_that_are_not_trusted_are_counted(clean, findings):
    clean.obs["source"] = ["FACS", "guess", "guess"] * (N_OBS // 3)

    found = findings(clean, label_key="batch", trusted_labels=("source", ("FACS",)))

    assert found["cells-columns"] == {
        "severity": "note",
        "message": f"{N_OBS // 3} of {N_OBS} cells have a label that is trusted.",
        "count": 1,
        "examples": [],
        "remedy": "",
    }


def test_cells_that_occur_twice_are_named_in_pairs(clean, findings):
    dense = clean.X.toarray()
    dense[[50, 119, 70]] = dense[[3, 3, 8]]
    clean.X = csr_matrix(dense)

    assert findings(clean)["cells-repeated"] == {
        "severity": "warning",
        "message": "3 cells have the same counts as an earlier one: atlas versions leave them out.",
        "count": 3,
        "examples": ["cell3 = cell50", "cell8 = cell70", "cell3 = cell119"],
        "remedy": "Check whether a sample was loaded twice.",
    }


def test_repeated_cells_behind_one_that_is_left_out_keep_their_names(clean, findings):
    counts = clean.X.toarray()
    counts[:, 0] = 1
    counts[90] = counts[80]
    logged = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    logged[[5, 85]] *= 1.1
    clean.X = csr_matrix(logged)

    found = findings(clean)

    assert (found["cells-unrecoverable"]["severity"], found["cells-unrecoverable"]["count"]) == (
        *("warning", 2),
    )
    assert found["cells-repeated"]["examples"] == ["cell80 = cell90"]


def test_batches_too_small_for_outliers_are_named(clean, findings):
    clean.obs["batch"] = [f"run{i // 20}" for i in range(N_OBS)]

    assert findings(clean)["quality-small-batches"] == {
        "severity": "note",
        "message": "6 batches have too few cells to tell outliers.",
        "count": 6,
        "examples": [f"run{i}" for i in range(5)],
        "remedy": "",
    }


def test_outliers_are_counted(clean, findings):
    dense = clean.X.toarray()
    dense[[7, 8]] *= 1000
    clean.X = csr_matrix(dense)

    found = findings(clean)["quality-outliers"]

    assert (found["severity"], found["count"]) == ("note", 2)
    assert found["message"] == f"2 of {N_OBS} cells are outliers by MAD within their batch."


def test_doublets_of_small_batches_are_said_to_be_untold(clean, findings):
    found = findings(clean, doublets="yes")

    assert "doublets-unscored" not in found
    assert found["doublets-uncalled"]["count"] == N_OBS
