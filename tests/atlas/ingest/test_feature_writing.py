"""Features that are no genes go to ``obsm``, and leave counts and hashes of the genes alone."""

import numpy as np
import pytest
import zarr
from anndata.io import read_elem

from genemamba.atlas.ingest.memory import MemoryPlan
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.store import read_counts, read_obs, read_var
from genemamba.errors import GenesError, StoreError
from tests.deposit_writers import Sample, write_mtx, write_tenx_v2, write_tenx_v3

pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")

N_OBS, N_GENES = 70, 30
PROTEINS, GUIDES = ["CD3_TotalSeqB", "CD19_TotalSeqB"], ["guide1"]


@pytest.fixture
def genes(gene_ids):
    """Counts of 30 genes in 70 cells, one of which has none."""
    counts = np.random.default_rng(4).poisson(1.2, (N_OBS, N_GENES))
    counts[9] = 0
    return Sample(counts, [f"AAAC{i}-1" for i in range(N_OBS)], gene_ids[:N_GENES], [""] * N_GENES)


@pytest.fixture
def others():
    """Counts of two antibodies and a guide; the empty cell has some, another has none."""
    counts = np.random.default_rng(5).poisson(40.0, (N_OBS, 3))
    counts[20] = 0
    return counts


@pytest.fixture
def mixed(genes, others):
    """The same genes with the other features among them, and the types of all."""
    names, types = [*PROTEINS, *GUIDES], ["Antibody Capture"] * 2 + ["CRISPR Guide Capture"]
    places, counts = [0, 11, N_GENES + 2], genes.counts
    ids, kinds = list(genes.ids), ["Gene Expression"] * N_GENES
    for place, name, kind, column in zip(places, names, types, others.T, strict=True):
        counts = np.insert(counts, place, column, axis=1)
        ids.insert(place, name)
        kinds.insert(place, kind)
    return genes._replace(counts=counts, ids=ids, symbols=ids), kinds


def h5(folder, sample, types):
    return write_tenx_v3(folder / "mixed.h5", sample, types=types)


def mtx(folder, sample, types):
    return write_mtx(folder / "mixed", sample, types=types)


@pytest.mark.parametrize("write", [h5, mtx])
def test_features_of_other_types_are_kept_in_obsm_and_out_of_all_else(
    write, genes, others, mixed, ingest, tmp_path
):
    plain = ingest(write_tenx_v3(tmp_path / "plain.h5", genes), doublets="no")

    url = ingest(write(tmp_path, *mixed), doublets="no", shard_nnz=300)

    np.testing.assert_array_equal(read_counts(url).toarray(), genes.counts)
    assert read_var(url).index.tolist() == genes.ids
    assert read_obs(url).equals(read_obs(plain))
    store = zarr.open_group(url, mode="r")
    obsm = read_elem(store["obsm"])
    assert sorted(obsm) == ["antibody_capture", "crispr_guide_capture"]
    np.testing.assert_array_equal(obsm["antibody_capture"].toarray(), others[:, :2])
    np.testing.assert_array_equal(obsm["crispr_guide_capture"].toarray(), others[:, 2:])
    names = read_elem(store["uns/genemamba/features"])
    assert {key: list(values) for key, values in names.items()} == {
        "antibody_capture": PROTEINS,
        "crispr_guide_capture": GUIDES,
    }


def test_a_store_of_genes_alone_has_no_features(genes, ingest, tmp_path):
    store = zarr.open_group(ingest(write_tenx_v3(tmp_path / "a.h5", genes), doublets="no"))

    assert list(store["obsm"]) == []
    assert "features" not in store["uns/genemamba"]


def test_small_blocks_and_a_second_attempt_write_the_same(mixed, others, plan, tmp_path):
    accepted = plan(h5(tmp_path, *mixed), doublets="no")
    object.__setattr__(accepted, "memory", MemoryPlan(n_threads=1, block_nnz=40))
    url = str(tmp_path / "twice.zarr")

    for _ in range(2):
        write_store(accepted, url, journal=tmp_path / "journal", shard_nnz=400)

    found = read_elem(zarr.open_group(url, mode="r")["obsm/antibody_capture"])
    np.testing.assert_array_equal(found.toarray(), others[:, :2])
    assert found.has_canonical_format


def test_features_that_change_between_the_passes_are_noticed(mixed, plan, tmp_path, monkeypatch):
    accepted = plan(h5(tmp_path, *mixed), doublets="no")

    def lose_one(group, part):
        part.data[-1:] = 0
        append(group, part)

    from genemamba.atlas.ingest import feature_writing

    append = feature_writing._append
    monkeypatch.setattr(feature_writing, "_append", lose_one)

    with pytest.raises(StoreError, match="Expected /obsm/antibody_capture to add up to"):
        write_store(accepted, str(tmp_path / "store.zarr"))


@pytest.fixture
def barnyard(genes, tmp_path):
    """Human and mouse genes side by side, as Cell Ranger 2 has them."""
    mouse = genes._replace(
        counts=genes.counts[:, ::-1] + 1,
        ids=[f"ENSMUSG{i:011d}" for i in range(1, N_GENES + 1)],
    )
    return write_tenx_v2(tmp_path / "barnyard.h5", GRCh38=genes, mm10=mouse)


def test_the_genome_that_is_named_is_taken_alone(barnyard, genes, plan, ingest, tmp_path):
    plain = ingest(write_tenx_v3(tmp_path / "plain.h5", genes), doublets="no")

    report = plan(barnyard, genome="GRCh38", doublets="no").report
    url = ingest(barnyard, genome="GRCh38", doublets="no")

    np.testing.assert_array_equal(read_counts(url).toarray(), genes.counts)
    assert read_obs(url).equals(read_obs(plain))
    (finding,) = (f for f in report["findings"] if f["rule"] == "features-other-genomes")
    assert (finding["severity"], finding["count"]) == ("warning", N_GENES)
    assert (report["n_vars"], report["n_vars_source"]) == (N_GENES, 2 * N_GENES)


@pytest.mark.parametrize(
    ("genome", "found"),
    [
        pytest.param(None, "mouse", id="both"),
        pytest.param("mm10", "mouse", id="mouse"),
        pytest.param("hg19", "found GRCh38, mm10", id="absent"),
    ],
)
def test_another_choice_of_genome_is_refused(barnyard, plan, genome, found):
    with pytest.raises(GenesError, match=found):
        plan(barnyard, genome=genome)
