import shutil
from pathlib import Path

import numpy as np
import pytest

from genemamba.atlas.store import open_store, read_counts, read_obs, read_var
from genemamba.errors import StoreError


def test_ranges_of_cells_are_rows_of_the_whole(adata, deposit, ingest):
    url = ingest(deposit(adata), shard_nnz=300)
    dense = adata.X.toarray()

    np.testing.assert_array_equal(read_counts(url).toarray(), dense)
    np.testing.assert_array_equal(read_counts(url, start=13, stop=57).toarray(), dense[13:57])
    np.testing.assert_array_equal(read_counts(url, start=119).toarray(), dense[119:])


def test_tables_have_one_row_a_cell_and_one_a_gene(adata, deposit, ingest):
    url = ingest(deposit(adata))

    obs, var = read_obs(url), read_var(url)

    assert obs.index.tolist() == adata.obs_names.tolist()
    assert obs["cell_id"].tolist() == [f"0123456789ab:{name}" for name in adata.obs_names]
    assert obs["content_hash"].str.fullmatch("[0-9a-f]{32}").all()
    assert var.index.tolist() == adata.var_names.tolist()
    assert var["measured"].all()


def test_nothing_is_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"Expected a store at .*absent.* found nothing"):
        open_store(str(tmp_path / "absent.zarr"))


@pytest.mark.parametrize("name", ["data", "indices"])
@pytest.mark.parametrize("lost", ["all of them", "the last"])
def test_a_missing_shard_is_an_error_and_not_zeros(adata, deposit, ingest, name, lost):
    url = ingest(deposit(adata), shard_nnz=300)
    shards = Path(url, "X", name, "c")
    last = max(shards.iterdir(), key=lambda path: int(path.name))
    shutil.rmtree(shards) if lost == "all of them" else last.unlink()

    with pytest.raises(StoreError, match="a shard is missing"):
        read_counts(url)
    if lost == "the last":
        np.testing.assert_array_equal(read_counts(url, stop=5).toarray(), adata.X.toarray()[:5])
