"""What is read back from a store is compared with what pass 1 read, cell by cell."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from scipy.sparse import csr_matrix

from genemamba.atlas.geometry import cut_values
from genemamba.atlas.ingest.shards import ShardTask
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.ingest.verifying import check_shard, count_wrong_cells
from genemamba.atlas.store import read_var
from genemamba.errors import StoreError

SHARD_NNZ = 150


@pytest.fixture
def written(adata, deposit, plan, tmp_path):
    """A store of small shards, which most cells do not fit into, and its tasks."""
    accepted, url = plan(deposit(adata), doublets="no"), str(tmp_path / "store.zarr")
    write_store(accepted, url, shard_nnz=SHARD_NNZ)
    tasks = tasks_of(accepted, url, shard_nnz=SHARD_NNZ, journal=tmp_path)
    return tasks, accepted.survey


def tasks_of(accepted, url, *, shard_nnz, journal):
    survey = accepted.survey
    grid = cut_values(nnz=survey.nnz, n_obs=survey.n_obs, shard_nnz=shard_nnz)
    return [
        ShardTask(
            url=url,
            folder=survey.folder,
            journal=journal,
            reader=accepted.reader,
            grid=grid,
            number=number,
            dtype=str(survey.dtype),
            block_nnz=64,
        )
        for number in range(len(grid.ranges()))
    ]


def n_wrong(written):
    tasks, survey = written
    return count_wrong_cells([check_shard(task) for task in tasks], survey.columns())


def matrix(written):
    return zarr.open_group(written[0][0].url, mode="r+")["X"]


def test_a_store_as_it_was_written_has_no_wrong_cell(written, adata):
    tasks, _ = written
    checks = [check_shard(task) for task in tasks]
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(adata.X.toarray(), axis=1))])
    cut = {
        row
        for low, high in tasks[0].grid.ranges()
        for row in range(len(ends) - 1)
        if (ends[row] < low < ends[row + 1]) or (ends[row] < high < ends[row + 1])
    }

    assert n_wrong(written) == 0
    assert len(cut) > 10
    assert {part.row for check in checks for part in check.partial} == cut
    assert max(len(check.partial) for check in checks) == 2


@pytest.mark.parametrize("n_changed", [1, 7, 60])
@pytest.mark.parametrize("name", ["data", "indices"])
def test_every_cell_with_another_value_or_gene_is_counted_once(written, adata, name, n_changed):
    stored, counts = matrix(written), csr_matrix(adata.X.toarray())
    before = stored[name][:]
    places = np.random.default_rng(2).choice(len(before), n_changed, replace=False)
    after = before.copy()
    # Another gene of the cell or none: in each case its pairs are others.
    after[places] = (after[places] + 1) % (50 if name == "indices" else 100)
    stored[name][:] = after
    cells = np.searchsorted(counts.indptr, places, side="right") - 1

    assert n_wrong(written) == len(np.unique(cells))


def test_a_count_at_another_gene_that_is_unmapped_too_is_wrong(adata, deposit, plan, tmp_path):
    adata.var_names = ["NO-GENE-A", "NO-GENE-B", *adata.var_names[2:]]
    accepted, url = plan(deposit(adata), doublets="no"), str(tmp_path / "store.zarr")
    write_store(accepted, url)
    task = tasks_of(accepted, url, shard_nnz=SHARD_NNZ * 1000, journal=tmp_path)[0]
    stored = zarr.open_group(url, mode="r+")["X"]
    indices, indptr = stored["indices"][:], stored["indptr"][:]
    first, second = read_var(url).index.get_indexer(["NO-GENE-A", "NO-GENE-B"])
    dense = adata.X.toarray()
    (cell, *_) = np.flatnonzero((dense[:, 0] > 0) & (dense[:, 1] == 0))
    here = slice(indptr[cell], indptr[cell + 1])
    indices[here] = np.where(indices[here] == first, second, indices[here])
    stored["indices"][:] = indices

    assert n_wrong(([task], accepted.survey)) == 1


def test_a_flipped_bit_is_an_error(written):
    shard = Path(written[0][3].url, "X", "data", "c", "3")
    content = bytearray(shard.read_bytes())
    content[5] ^= 1
    shard.write_bytes(content)

    with pytest.raises(StoreError, match="Expected chunk 0 of a shard as it was written"):
        n_wrong(written)


def test_a_missing_shard_is_an_error(written):
    Path(written[0][2].url, "X", "indices", "c", "2").unlink()

    with pytest.raises(FileNotFoundError, match="indices/c/2"):
        n_wrong(written)
