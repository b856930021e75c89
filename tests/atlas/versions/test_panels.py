import numpy as np
import pytest

from genemamba.atlas.versions import panels
from genemamba.atlas.versions.panels import (
    comparable_ids,
    count_expressed,
    hash_over,
    pack_hashes,
    panel_name,
    read_hashes,
)
from tests.small_atlas import gene_ids, small_entry, wide_adata

GENES = gene_ids(50)


@pytest.fixture(scope="module")
def deposit():
    return wide_adata(n_obs=30, genes=GENES)


@pytest.fixture(scope="module")
def store(deposit, tmp_path_factory):
    return small_entry(tmp_path_factory.mktemp("store"), "whole", deposit).url


@pytest.mark.parametrize("block_nnz", [4 * 1024 * 1024, 40], ids=["one_block", "many_blocks"])
def test_hash_over_some_genes_is_that_of_a_deposit_with_only_those(
    deposit, store, tmp_path, monkeypatch, block_nnz
):
    whole_blocks = panels.row_blocks
    monkeypatch.setattr(
        panels,
        "row_blocks",
        lambda indptr, stop: whole_blocks(indptr, max_nnz=block_nnz, stop=stop),
    )
    fewer = small_entry(tmp_path, "fewer", deposit[:, 10:35].copy()).url

    blocks = list(hash_over(store, GENES[10:35]))

    assert (len(blocks) > 5) is (block_nnz == 40)
    found = np.concatenate([block.hashes for block in blocks])
    np.testing.assert_array_equal(found, read_hashes(fewer))
    n_genes = np.concatenate([block.n_genes for block in blocks])
    np.testing.assert_array_equal(n_genes, (deposit.X.toarray()[:, 10:35] > 0).sum(axis=1))


def test_expressed_genes_of_some_rows(deposit, store):
    rows = np.asarray([0, 3, 29])

    expected = (deposit.X.toarray()[rows] > 0).sum(axis=1)

    assert count_expressed(store, rows).tolist() == expected.tolist()


def test_merged_genes_of_a_store_are_not_compared(deposit, tmp_path):
    doubled = deposit.copy()
    doubled.var_names = [*GENES[:-1], f"{GENES[0]}.7"]

    url = small_entry(tmp_path, "doubled", doubled).url

    assert comparable_ids(url) == frozenset(GENES[1:-1])


def test_panel_is_named_by_its_genes_in_any_order():
    assert panel_name(["b", "a"]) == panel_name({"a", "b"}) != panel_name(["a"])
    assert panel_name(["a"]).startswith("sha256:")


def test_hashes_are_the_same_as_bytes_and_as_digits():
    raw = np.asarray([bytes(range(16)), bytes(range(1, 16)) + b"\0"], dtype="S16")
    digits = [cell.ljust(16, b"\0").hex() for cell in raw.tolist()]

    for spelling in (raw, np.asarray(digits, dtype=object), np.asarray(digits, dtype="S32")):
        assert pack_hashes(spelling).tobytes() == raw.tobytes()
