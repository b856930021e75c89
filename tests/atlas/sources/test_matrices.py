"""Sparse matrices whose parts contradict one another are refused, never read wrongly."""

import h5py
import numpy as np
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.sources.matrices import CscElement, open_matrix
from genemamba.atlas.sources.readers import open_source
from genemamba.errors import SourceError, StorageError


@pytest.fixture(params=[csr_matrix, csc_matrix], ids=["csr", "csc"])
def damage(request, adata, deposit):
    """Write a deposit by cells or by genes, change its matrix, return its path."""

    def make(change):
        adata.X = request.param(adata.X)
        path = deposit(adata)
        with h5py.File(path, "r+") as file:
            change(file["X"])
        return path

    return make


def put(name, place, value):
    def change(group):
        group[name][place] = value

    return change


def replace(name, values):
    def change(group):
        del group[name]
        group[name] = values

    return change


def lengthen(name):
    def change(group):
        values = group[name][:]
        del group[name]
        group[name] = np.append(values, values[-1])

    return change


def swap_pointers(group):
    pointers = group["indptr"][:]
    group["indptr"][3], group["indptr"][4] = pointers[4] + 1, pointers[3]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(put("indices", 5, -1), "indices from -1 to", id="negative_index"),
        pytest.param(put("indices", 5, 9999), "indices from 0 to 9999, of", id="large_index"),
        pytest.param(put("indptr", 0, 1), "do not fit its values", id="first_pointer"),
        pytest.param(put("indptr", -1, 7), "do not fit its values", id="last_pointer"),
        pytest.param(put("indptr", 2, -4), "pointers go back", id="negative_pointer"),
        pytest.param(swap_pointers, "pointers go back", id="swapped_pointers"),
        pytest.param(lengthen("indptr"), "do not fit its values", id="many_pointers"),
        pytest.param(lengthen("indices"), "do not fit its values", id="many_indices"),
        pytest.param(lengthen("data"), "do not fit its values", id="many_values"),
        pytest.param(replace("data", ["a"]), "values of type object", id="words"),
        pytest.param(replace("indices", [0.5]), "indices of float64", id="fractions"),
    ],
)
def test_sparse_matrix_that_contradicts_itself_is_refused(damage, tmp_path, change, found):
    path = damage(change)

    with pytest.raises(SourceError, match=rf"deposit\.h5ad .*found .*{found}.*Copy the deposit"):
        open_source(path, scratch=tmp_path / "scratch")


def test_shape_that_no_memory_holds_is_refused_before_it_is_allocated(damage, tmp_path):
    def widen(group):
        by_gene = group.attrs["encoding-type"] == "csc_matrix"
        group.attrs["shape"] = [2**50, 50] if by_gene else [120, 2**50]

    with pytest.raises(
        SourceError, match=r"X of shape \(120, 50\).*found shape .*1125899906842624"
    ):
        open_source(damage(widen), scratch=tmp_path / "scratch")


def test_scratch_that_cannot_be_written_is_no_damage_of_the_deposit(adata, deposit, tmp_path):
    adata.X = csc_matrix(adata.X)
    path, blocked = deposit(adata), tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")

    with pytest.raises(StorageError, match=rf"Expected to write under {blocked}/rows-X, found"):
        open_source(path, scratch=blocked)


def test_deposit_that_breaks_while_it_is_turned_round_is_refused(adata, deposit, tmp_path):
    adata.X = csc_matrix(adata.X)
    path = deposit(adata)
    stored = open_matrix(path, "X")
    put_last = put("indices", -1, 120)
    with h5py.File(path, "r+") as file:
        put_last(file["X"])

    assert isinstance(stored, CscElement)
    with pytest.raises(SourceError, match="indices from 0 to 120, of 120"):
        stored.by_cells(tmp_path / "rows")
