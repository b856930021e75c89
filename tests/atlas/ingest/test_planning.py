import hashlib
import warnings
from contextlib import nullcontext
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.ingest import storing
from genemamba.atlas.ingest.storing import StoreSummary, write_store
from genemamba.atlas.ingest.verifying import check_shard
from genemamba.atlas.store import read_counts, read_obs, read_provenance, read_var
from genemamba.errors import CountsError, GenesError, SchemaError, StoreError
from genemamba.storage import tree_manifest


def read_plainly(url):
    with warnings.catch_warnings():
        # Zarr 3 warns that strings and consolidated metadata are extensions of its format.
        warnings.simplefilter("ignore")
        return ad.read_zarr(url)


def hashes_of(plan):
    return plan.survey.columns()["hash"][:].tolist()


def test_plain_anndata_reads_a_store_cell_by_cell(adata, deposit, ingest):
    store = read_plainly(ingest(deposit(adata), shard_nnz=500))

    np.testing.assert_array_equal(store.X.toarray(), adata.X.toarray())
    assert store.obs_names.tolist() == adata.obs_names.tolist()
    assert store.var_names.tolist() == adata.var_names.tolist()
    for column in adata.obs:
        assert store.obs[column].tolist() == adata.obs[column].tolist()
    assert (store.X.dtype, store.X.indices.dtype) == (np.float32, np.int32)
    assert store.X.has_canonical_format


def test_store_is_sharded_zarr_v3_with_a_shuffled_codec(adata, deposit, ingest):
    group = zarr.open_group(ingest(deposit(adata), shard_nnz=2048), mode="r")

    for name, dtype in {"data": "float32", "indices": "int32"}.items():
        array = group["X"][name]
        assert (array.metadata.zarr_format, str(array.dtype)) == (3, dtype)
        assert (array.chunks, array.shards) == ((2048,), (2048,))
        assert array.compressors[0].to_dict()["configuration"]["shuffle"] == "bitshuffle"
    assert str(group["X"]["indptr"].dtype) == "int64"
    assert group["obs"]["_index"].attrs["encoding-type"] == "string-array"


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 1000),
    n_obs=st.integers(1, 40),
    density=st.floats(0.02, 1.0),
    shard_nnz=st.integers(1, 400),
)
def test_any_counts_survive_the_way_to_a_store(
    gene_ids, deposit, ingest, seed, n_obs, density, shard_nnz
):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(3.0, size=(n_obs, 50)) * (rng.random((n_obs, 50)) < density)
    dense[0, 0] = 1
    source = ad.AnnData(X=csr_matrix(dense.astype("f4")), var=pd.DataFrame(index=gene_ids))

    url = ingest(deposit(source), shard_nnz=shard_nnz)

    np.testing.assert_array_equal(read_counts(url).toarray(), dense)


def test_many_shards_hold_what_one_shard_holds(adata, deposit, ingest):
    path = deposit(adata)

    one, many = ingest(path), ingest(path, shard_nnz=100)

    assert len(list(Path(many, "X", "data", "c").iterdir())) > 20
    np.testing.assert_array_equal(read_counts(one).toarray(), read_counts(many).toarray())
    assert read_obs(one).equals(read_obs(many))


@pytest.mark.parametrize(
    "matrix", [csr_matrix, csc_matrix, lambda x: x.toarray()], ids=["csr", "csc", "dense"]
)
def test_the_same_cells_have_the_same_hashes_in_any_format(adata, deposit, plan, matrix):
    expected = hashes_of(plan(deposit(adata)))
    adata.X = matrix(adata.X)

    assert hashes_of(plan(deposit(adata, "other"))) == expected


def test_permuted_and_renamed_genes_leave_the_hashes_as_they_are(adata, deposit, plan):
    reference = load_reference()
    expected = hashes_of(plan(deposit(adata)))
    other = adata[:, np.random.default_rng(3).permutation(50)].copy()
    other.var_names = [reference.symbols[gene] for gene in other.var_names]
    extra = ad.AnnData(X=csr_matrix(np.ones((120, 1), "f4")), var=pd.DataFrame(index=["novel"]))
    other = ad.AnnData(
        X=csr_matrix(np.hstack([other.X.toarray(), extra.X.toarray()])),
        obs=other.obs,
        var=pd.DataFrame(index=[*other.var_names, "novel"]),
    )

    assert hashes_of(plan(deposit(other, "other"))) == expected


def test_same_deposit_and_options_give_the_same_bytes(adata, deposit, ingest):
    path = deposit(adata)

    digests = {tree_manifest(ingest(path, shard_nnz=300)).digest for _ in range(2)}

    assert len(digests) == 1


def test_bytes_do_not_depend_on_the_codec_pipeline_in_force(adata, deposit, ingest):
    pytest.importorskip("zarrs")
    path = deposit(adata)
    plain = tree_manifest(ingest(path, shard_nnz=5000)).digest

    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        fast = tree_manifest(ingest(path, shard_nnz=5000)).digest
        after = zarr.config.get("codec_pipeline.path")

    assert fast == plain
    assert after == "zarrs.ZarrsCodecPipeline"


def test_genes_of_one_id_are_added_up_and_unknown_ones_kept(gene_ids, deposit, ingest):
    counts = csr_matrix(np.array([[5.0, 2.0, 1.0], [6.0, 0.0, 3.0]], dtype=np.float32))
    symbol = load_reference().symbols[gene_ids[0]]
    names = [gene_ids[0], "novel", symbol]
    source = ad.AnnData(X=counts, var=pd.DataFrame(index=names))

    url = ingest(deposit(source))

    assert read_counts(url).toarray().tolist() == [[6, 2], [9, 0]]
    var = read_var(url)
    assert var.index.tolist() == [gene_ids[0], "novel"]
    assert var["source_name"].tolist() == [f"{gene_ids[0]} || {symbol}", "novel"]
    assert var["gene_status"].tolist() == ["exact", "unknown"]


def count_outliers(counts, batches):
    """Count cells without counts, or further than 5 MADs from the median of their batch."""
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        top = np.sort(counts, axis=1)[:, -20:].sum(axis=1) / total
    outside = total == 0
    for metric in (np.log1p(total), np.log1p(np.count_nonzero(counts, axis=1)), top):
        for batch in np.unique(batches):
            here = np.flatnonzero(batches == batch)
            deviation = np.abs(metric[here] - np.nanmedian(metric[here]))
            outside[here] |= deviation > 5 * np.nanmedian(deviation)
    return int(outside.sum())


def test_report_says_what_was_found(adata, deposit, plan):
    adata.obs["cell_type"] = pd.Categorical([None] * 20 + ["B"] * 100)
    expected_batches = adata.obs["batch"].value_counts()
    n_outliers = count_outliers(adata.X.toarray(), adata.obs["batch"].to_numpy())

    report = plan(deposit(adata), doublets="no").report

    assert report == {
        "n_obs": 120,
        "n_obs_source": 120,
        "cells_refused": 0,
        "n_vars": 50,
        "n_vars_source": 50,
        "nnz": adata.X.count_nonzero(),
        "genes": {"exact": 50},
        "umis": {"exact": int(adata.X.sum())},
        "umis_mapped": 1.0,
        "location": "X",
        "scale": "counts",
        "batch_key": "batch",
        "label_key": "cell_type",
        "batches": {name: int(expected_batches[name]) for name in ("b1", "b2")},
        "cell_types": {"B": 100, "unknown": 20},
        "labelled": 100,
        # Some 64 cells a chunk, in whole units of 1024 values.
        "plan": {
            "n_shards": 1,
            "values_per_shard": 4096,
            "values_per_chunk": 2048,
            "dtype": "float32",
        },
        "findings": [
            {
                "rule": "quality-outliers",
                "severity": "note",
                "message": f"{n_outliers} of 120 cells are outliers by MAD within their batch.",
                "count": n_outliers,
                "examples": [],
                "remedy": "Ingest with --filter to leave them out of the atlas.",
            },
            {
                "rule": "doublets-unscored",
                "severity": "note",
                "message": "Doublets of 120 cells were not scored.",
                "count": 120,
                "examples": [],
                "remedy": "Ingest with --doublets yes to score them.",
            },
        ],
    }


def test_provenance_names_deposit_options_genes_and_code(adata, deposit, ingest):
    url = ingest(deposit(adata), name="lung", label_key="batch", trusted_labels=("n_umi", ("3",)))

    assert read_provenance(url) == {
        "schema_version": 2,
        "deposit": "lung",
        "deposit_sha256": "0123456789abcdef" * 4,
        "options": {
            "batch_key": None,
            "doublets": "auto",
            "genome": None,
            "label_key": "batch",
            "layer": None,
            "trusted_labels": ["n_umi", ["3"]],
        },
        "gene_reference": load_reference().digest,
        "code": "genemamba-atlas 0.1.0",
    }


def test_cells_that_cannot_be_recovered_are_left_out_of_the_store(packaged, ingest, plan):
    path = packaged("scanpy", "datasets/10x_pbmc68k_reduced.h5ad")

    report = plan(path).report
    url = ingest(path, shard_nnz=20_000)

    assert (report["n_obs"], report["n_obs_source"], report["cells_refused"]) == (619, 700, 81)
    first, *others = report["findings"]
    assert (first["rule"], first["severity"], first["count"]) == (
        "cells-unrecoverable",
        "warning",
        81,
    )
    assert first["message"] == "81 cells are left out: their counts cannot be recovered."
    assert {finding["severity"] for finding in others} == {"note"}
    assert read_counts(url).shape == (619, 765)
    assert len(read_obs(url)) == 619


def test_celltypist_table_of_cells_by_symbols_is_taken(packaged, plan):
    path = packaged("celltypist", "data/samples/sample_cell_by_gene.csv")

    found = plan(path)

    assert found.report["n_obs"] == 559
    assert found.report["n_vars_source"] == 32_786
    assert found.report["umis_mapped"] == pytest.approx(0.923, abs=0.005)
    # The sum of all fields of the file, to be had with awk.
    assert found.survey.columns()["total"][:].sum() == 3_619_954


@pytest.mark.parametrize("moment", ["after_the_first_shard", "before_the_commit"])
def test_killed_write_leaves_no_readable_store(adata, deposit, plan, tmp_path, moment):
    accepted, url = plan(deposit(adata)), str(tmp_path / "killed.zarr")

    def kill(done, total):
        if done == (total if moment == "before_the_commit" else 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(accepted, url, shard_nnz=500, progress=kill)

    for read in (read_obs, read_var, read_counts, read_provenance):
        with pytest.raises(StoreError, match="found one whose writing was cut off"):
            read(url)


@pytest.mark.parametrize("moment", ["after_the_first_shard", "before_the_commit", "at_the_end"])
def test_a_second_attempt_finds_the_shards_of_the_first_and_gives_the_same_bytes(
    adata, deposit, plan, tmp_path, moment
):
    accepted, urls = plan(deposit(adata)), [str(tmp_path / name) for name in ("calm", "killed")]
    write_store(accepted, urls[0], shard_nnz=500)
    n_shards = len(list(Path(urls[0], "X", "data", "c").iterdir()))

    def kill(done, total):
        if done == {"after_the_first_shard": 1, "before_the_commit": total}.get(moment):
            raise KeyboardInterrupt

    options = {"journal": tmp_path / "journal", "shard_nnz": 500}
    with nullcontext() if moment == "at_the_end" else pytest.raises(KeyboardInterrupt):
        write_store(accepted, urls[1], progress=kill, **options)
    again = write_store(accepted, urls[1], **options)

    # Threads may have written more than one shard by the first report.
    least = 1 if moment == "after_the_first_shard" else n_shards
    assert least <= again.n_shards_found <= n_shards
    assert tree_manifest(urls[1]).digest == tree_manifest(urls[0]).digest


@pytest.mark.parametrize("gene", [0, 50], ids=["mapped_gene", "unmapped_gene"])
def test_value_that_changed_on_its_way_to_the_disk_is_noticed(
    gene_ids, adata, deposit, plan, tmp_path, gene, monkeypatch
):
    counts = csr_matrix(np.hstack([adata.X.toarray(), np.ones((120, 1), "f4")]))
    genes = pd.DataFrame(index=[*gene_ids, "novel"])
    accepted = plan(deposit(ad.AnnData(X=counts, obs=adata.obs, var=genes)))
    url = str(tmp_path / "damaged.zarr")
    place = int(np.flatnonzero(counts.indices == gene)[0])

    def check_damaged(task):
        zarr.open_group(url, mode="r+")["X"]["data"][place] += 1
        return check_shard(task)

    monkeypatch.setattr(storing, "check_shard", check_damaged)
    with pytest.raises(StoreError, match=r"Expected 120 cells at .* found 1 that are not"):
        write_store(accepted, url)


def test_deposit_that_changes_between_the_passes_is_noticed(adata, deposit, plan, tmp_path):
    accepted = plan(deposit(adata))
    adata.X = csr_matrix(adata.X.toarray() * (np.arange(50) % 2))
    deposit(adata)

    with pytest.raises(StoreError, match="the deposit as it was in pass 1"):
        write_store(accepted, str(tmp_path / "store.zarr"))


def test_summary_and_progress_of_a_write(adata, deposit, plan, tmp_path):
    accepted, calls = plan(deposit(adata)), []

    summary = write_store(
        accepted,
        str(tmp_path / "store.zarr"),
        shard_nnz=1000,
        progress=lambda done, total: calls.append((done, total)),
    )

    lines = b"".join(b"%016x%016x\n" % tuple(words) for words in sorted(hashes_of(accepted)))
    assert summary == StoreSummary(
        n_obs=120,
        n_vars=50,
        nnz=adata.X.count_nonzero(),
        content_digest=f"sha256:{hashlib.sha256(lines).hexdigest()}",
    )
    n_shards = -(-summary.nnz // 1000)
    assert calls == [(done, 2 * n_shards) for done in range(1, 2 * n_shards + 1)]


@pytest.mark.parametrize(
    ("name", "error", "found"),
    [
        pytest.param("mouse_brain_merfish", GenesError, "mouse", id="mouse"),
        pytest.param("nonraw_oligodendroglioma_tpm", CountsError, "neither counts", id="tpm"),
    ],
)
def test_real_deposit_out_of_scope_is_refused(data_dir, plan, name, error, found):
    with pytest.raises(error, match=found):
        plan(data_dir / f"{name}.h5ad")


def test_transcripts_of_unknown_genes_refuse_a_deposit_with_the_share(adata, deposit, plan):
    adata.var_names = [*adata.var_names[:20], *(f"chr1-{i}" for i in range(30))]
    dense = adata.X.toarray()
    share = dense[:, :20].sum() / dense.sum()

    with pytest.raises(
        GenesError, match=rf"found {share:.1%} of the UMIs and 40\.0% of the genes mapped.*chr1-"
    ):
        plan(deposit(adata))


def test_spike_ins_do_not_count_as_unknown(adata, deposit, plan):
    adata.var_names = [*adata.var_names[:20], *(f"ERCC-{i:05}" for i in range(30))]

    report = plan(deposit(adata)).report

    assert report["umis_mapped"] == 1.0
    assert report["genes"] == {"exact": 20, "ercc": 30}


def test_missing_keys_and_repeated_cells_of_a_real_deposit_are_refused(data_dir, deposit, plan):
    path = data_dir / "pancreas_panc8_small.h5ad"
    doubled = ad.read_h5ad(path)
    names = doubled.obs_names.tolist()
    with pytest.raises(SchemaError, match=r"'technology' \(batch key\).*'donor'"):
        plan(path, batch_key="technology")

    with warnings.catch_warnings():
        # anndata warns of the very thing that is tested.
        warnings.simplefilter("ignore")
        doubled.obs_names = [names[0], names[0], *names[2:]]
        path = deposit(doubled)
    with pytest.raises(SchemaError, match=rf"found 1 repeated obs_names, such as '{names[0]}'"):
        plan(path)
