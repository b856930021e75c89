import pytest
from hypothesis import given
from hypothesis import strategies as st

from genemamba.atlas.geometry import cut_values


@given(
    nnz=st.integers(1, 10**8), n_obs=st.integers(1, 10**6), shard_nnz=st.integers(1, 32 * 1024**2)
)
def test_shards_cover_all_values_and_are_whole_chunks_within_the_bound(nnz, n_obs, shard_nnz):
    grid = cut_values(nnz=nnz, n_obs=n_obs, shard_nnz=max(shard_nnz, nnz // 100))

    ranges = grid.ranges()

    assert grid.shard % grid.chunk == 0
    assert grid.shard <= max(shard_nnz, nnz // 100)
    assert [low for low, _ in ranges] == [0, *(high for _, high in ranges[:-1])]
    assert ranges[-1][1] == nnz


@pytest.mark.parametrize(
    ("nnz", "n_obs", "chunk", "shard"),
    [
        pytest.param(64_000 * 800, 64_000, 51_200, 327 * 51_200, id="large"),
        pytest.param(30_000, 100, 19_456, 2 * 19_456, id="one_shard"),
        pytest.param(10, 500, 1024, 1024, id="nearly_empty"),
    ],
)
def test_chunk_is_64_cells_and_the_shard_as_large_as_is_of_use(nnz, n_obs, chunk, shard):
    grid = cut_values(nnz=nnz, n_obs=n_obs)

    assert (grid.chunk, grid.shard) == (chunk, shard)
