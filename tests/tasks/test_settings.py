"""What the user says about deposits reaches the store, or the verdict."""

from dataclasses import asdict, fields

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from genemamba.atlas.options import IngestOptions
from genemamba.atlas.store import read_counts, read_obs, read_provenance, read_var
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.ingest import ingest_source, inspect_source
from tasks.outcomes import keep_accepted
from tasks.reference import open_reference
from tasks.settings import DepositSettings
from tests.small_atlas import gene_ids, wide_adata

N_OBS = 60


@pytest.fixture
def adata():
    """Cells with counts in two places, one of which is far poorer than the others."""
    adata = wide_adata(n_obs=N_OBS, genes=gene_ids(80))
    adata.layers["doubled"] = adata.X * 2
    adata.X = csr_matrix(adata.X.toarray() * (np.arange(N_OBS) != 9)[:, None])
    adata.obs["run"] = ["r1", "r2"] * (N_OBS // 2)
    adata.obs["label"] = ["B", "T", "NK"] * (N_OBS // 3)
    adata.obs["source"] = ["FACS", "guess"] * (N_OBS // 2)
    return adata


@pytest.fixture
def ingest(workspace, tmp_path):
    """Ingest an AnnData with some settings, and return the outcome."""

    def run(adata, *, work=None, **options):
        path = tmp_path / "study.h5ad"
        adata.write_h5ad(path)
        settings = DepositSettings(**options)
        (spec,) = describe_deposits([str(path)], settings)
        if work is inspect_source:
            return work.fn(spec, settings)
        return ingest_source.fn(workspace, "lung", spec, settings)

    return run


def rules(outcome):
    return [finding["rule"] for finding in outcome.report["findings"]]


def test_nothing_is_asked_for_by_default():
    (spec,) = describe_deposits(["/a/x.h5ad"], DepositSettings())

    assert spec.options == IngestOptions()
    shared = {field.name for field in fields(IngestOptions)} & set(asdict(DepositSettings()))
    assert shared == {"batch_key", "label_key", "trusted_labels", "layer", "genome", "doublets"}


def test_every_setting_about_the_deposit_reaches_its_store(adata, ingest):
    outcome = ingest(
        adata,
        batch_key="run",
        label_key="label",
        trusted_labels="source=FACS",
        layer="doubled",
        doublets="no",
        memory="3GiB",
    )

    url = outcome.entry.url
    assert read_provenance(url)["options"] == {
        "batch_key": "run",
        "label_key": "label",
        "trusted_labels": ["source", ["FACS"]],
        "layer": "doubled",
        "genome": None,
        "doublets": "no",
    }
    expected = adata.layers["doubled"].toarray()
    np.testing.assert_array_equal(read_counts(url).toarray(), expected)
    obs = read_obs(url)
    assert obs["batch"].tolist() == adata.obs["run"].tolist()
    trusted = adata.obs["label"].astype(object).where(adata.obs["source"] == "FACS", "unknown")
    assert obs["cell_type"].tolist() == trusted.tolist()
    assert outcome.report["location"] == 'layers["doubled"]'
    assert "doublets-unscored" in rules(outcome)


@pytest.mark.parametrize("work", [ingest_source, inspect_source], ids=["ingest", "inspect"])
def test_doublets_that_do_not_fit_into_memory_are_left_unscored_with_a_note(adata, ingest, work):
    outcome = ingest(adata, work=work, memory="1GiB")

    first = outcome.report["findings"][0]
    assert first["rule"] == "deposit-settled"
    assert "not scored for doublets, for which --memory is too low" in first["message"]
    assert "doublets-unscored" in rules(outcome)


def test_symbols_of_an_hgnc_file_are_known_in_the_store(adata, ingest, tmp_path):
    gene = adata.var_names[0]
    symbol = open_reference(None).symbols[gene]
    hgnc = tmp_path / "hgnc.txt"
    hgnc.write_text(
        f"symbol\tprev_symbol\talias_symbol\tensembl_gene_id\n{symbol}\t\tNEWALIAS4\t{gene}\n"
    )
    adata.var = pd.DataFrame(index=["NEWALIAS4", *adata.var_names[1:]])

    without, with_file = (
        read_var(ingest(adata, doublets="no", hgnc=path).entry.url) for path in (None, str(hgnc))
    )

    assert (without.index[0], without["gene_status"].iloc[0]) == ("NEWALIAS4", "unknown")
    assert (with_file.index[0], with_file["gene_status"].iloc[0]) == (gene, "alias")


def test_poor_cells_stay_in_the_store_and_out_of_the_version(adata, ingest, workspace):
    outcome = ingest(adata, doublets="no", leave_out_poor_cells=True)

    obs = read_obs(outcome.entry.url)
    poor = np.flatnonzero(obs["is_outlier"]).tolist()
    assert 9 in poor
    assert len(obs) == N_OBS
    first = outcome.report["findings"][0]
    assert (first["rule"], first["severity"]) == ("quality-filtered", "warning")
    assert (first["count"], first["examples"]) == (len(poor), [f"cell{i}" for i in poor[:5]])
    version = compose_version.fn(workspace, "lung", keep_accepted([outcome]))
    view = AtlasView.open(read_manifest(version.artifact.uri))
    assert view.obs.index.tolist() == np.delete(obs["cell_id"].to_numpy(), poor).tolist()


def test_all_cells_stay_in_the_version_where_none_is_left_out(adata, ingest):
    outcome = ingest(adata, doublets="no")

    assert outcome.entry.left_out == ()
    assert "quality-filtered" not in rules(outcome)


@pytest.mark.parametrize(
    ("settings", "rule", "found"),
    [
        pytest.param({"memory": "much"}, "memory-unreadable", "'much'", id="no size"),
        pytest.param({"memory": "64MiB"}, "memory-too-low", "a bound of 64 MiB", id="too low"),
        pytest.param(
            {"memory": "1GiB", "doublets": "yes"},
            "memory-too-low",
            "a bound of 1024 MiB",
            id="too low for doublets",
        ),
        pytest.param({"layer": "tpm"}, "layer-missing", "'doubled', 'X'", id="layer"),
        pytest.param({"genome": "mm10"}, "genome-missing", "none that is named", id="genome"),
        pytest.param({"hgnc": "/absent"}, "hgnc-unreadable", "cannot be read", id="hgnc"),
        pytest.param(
            {"batch_key": "lane"}, "cells-column-missing", "'run', 'label', 'source'", id="column"
        ),
    ],
)
@pytest.mark.parametrize("work", [ingest_source, inspect_source], ids=["ingest", "inspect"])
def test_what_cannot_be_done_is_a_verdict_with_its_rule(adata, ingest, work, settings, rule, found):
    outcome = ingest(adata, work=work, **settings)

    assert (outcome.verdict, outcome.stage, outcome.entry) == ("refused", None, None)
    (finding,) = outcome.report["findings"]
    assert (finding["rule"], finding["severity"]) == (rule, "error")
    assert found in finding["message"]
    assert finding["remedy"] == outcome.report["remedy"] != ""


def test_an_inspection_says_what_ingest_would_say_and_writes_nothing(adata, ingest, workspace):
    inspected = ingest(adata, work=inspect_source, doublets="no")
    with workspace.open_catalog() as catalog:
        assert catalog.atlases() == []

    ingested = ingest(adata, doublets="no")

    assert (inspected.verdict, ingested.verdict) == ("acceptable", "accepted")
    assert inspected.report == ingested.report
    assert ad.read_h5ad(ingested.uri).n_obs == ingested.report["n_obs"]
