"""What is said of X and raw that do not go together, and that nothing is said of those that do."""

import itertools

import anndata
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.sparse import BLOCK_NNZ, row_blocks
from genemamba.atlas.standards.contradictions import compare_x_and_raw

N_OBS, N_VARS = 60, 80


@pytest.fixture
def counts():
    """Counts of 60 cells of three types and different depths."""
    rng = np.random.default_rng(3)
    profiles = rng.gamma(0.4, size=(3, N_VARS)) + 0.02
    depth = rng.uniform(0.5, 2.0, size=(N_OBS, 1))
    return rng.poisson(profiles[np.arange(N_OBS) % 3] * depth * 3).astype(float)


def logged(values, *, target=1e4, base=np.e):
    """Return the logarithms of the shares of a cell."""
    totals = np.maximum(values.sum(axis=1, keepdims=True), 1)
    return np.log1p(values / totals * target) / np.log(base)


@pytest.fixture
def found(tmp_path):
    """Compare two dense matrices, written as a deposit."""

    def compare(
        x, raw, *, genes=None, raw_genes=None, place="raw", store=csr_matrix, suffix="h5ad"
    ):
        names = [f"gene_{gene}" for gene in range(max(x.shape[1], raw.shape[1]))]
        adata = anndata.AnnData(store(np.asarray(x, dtype=np.float32)))
        adata.var_names = genes or names[: x.shape[1]]
        if place == "raw":
            other = anndata.AnnData(store(np.asarray(raw, dtype=np.float32)))
            other.obs_names, other.var_names = adata.obs_names, raw_genes or names[: raw.shape[1]]
            adata.raw = other
        else:
            adata.layers["counts"] = store(np.asarray(raw, dtype=np.float32))
        path = tmp_path / f"deposit.{suffix}"
        adata.write_h5ad(path) if suffix == "h5ad" else adata.write_zarr(path)
        # What lies in a scratch folder from an earlier deposit would be used again.
        return compare_x_and_raw(path, scratch=tmp_path / f"scratch-{next(number)}")

    number = itertools.count()
    return compare


def rules(findings):
    return [(finding.rule, finding.severity, finding.count) for finding in findings]


FUNCTIONS = {
    "log1p": logged,
    "log2 of counts per million": lambda values: logged(values, target=1e6, base=2),
    "log10 of the median": lambda values: logged(values, target=np.median(values.sum(1)), base=10),
    "shares": lambda values: values / np.maximum(values.sum(axis=1, keepdims=True), 1),
    "square root": np.sqrt,
    "centred log ratio, shifted": lambda values: np.where(values > 0, logged(values) + 1, 0),
    "rounded": lambda values: np.round(logged(values), 3),
    "in half precision": lambda values: logged(values).astype(np.float16),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_of_each_cell_is_no_contradiction(function, counts, found):
    assert found(function(counts), counts) == []


@pytest.mark.filterwarnings("ignore:Writing zarr v2:UserWarning")
@pytest.mark.parametrize("place", ["raw", "counts"])
@pytest.mark.parametrize("store", [csr_matrix, csc_matrix, np.asarray], ids=["csr", "csc", "dense"])
@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_every_way_of_storing_is_compared(place, store, suffix, counts, found):
    options = {"place": place, "store": store, "suffix": suffix}
    assert found(logged(counts), counts, **options) == []
    swapped = logged(counts)[::-1]
    (finding,) = found(swapped, counts, **options)
    assert (finding.rule, finding.severity) == ("x-from-another-matrix", "error")


def test_some_of_the_genes_of_raw_in_another_order_are_no_contradiction(counts, found):
    chosen = np.random.default_rng(5).permutation(N_VARS)[:40]
    genes = [f"gene_{gene}" for gene in chosen]
    assert found(logged(counts)[:, chosen], counts, genes=genes) == []


def test_genes_that_were_filtered_to_zero_are_no_contradiction(counts, found):
    values = logged(counts)
    values[:, ::7] = 0
    assert found(values, counts) == []


def test_equal_matrices_are_told(counts, found):
    n_filled = int((counts.sum(axis=1) > 0).sum())
    assert rules(found(counts, counts)) == [("x-equals-raw", "warning", n_filled)]
    assert rules(found(logged(counts), logged(counts))) == [("x-equals-raw", "warning", n_filled)]


@pytest.mark.parametrize("base", [np.e, 2, 10])
def test_a_logarithm_of_a_logarithm_is_told(base, counts, found):
    twice = np.log1p(logged(counts, base=base)) / np.log(base)
    assert rules(found(twice, counts)) == [("x-double-log", "warning", N_OBS)]


def test_a_logarithm_of_a_raw_that_is_logged_is_told(counts, found):
    assert rules(found(np.log1p(logged(counts)), logged(counts))) == [
        ("x-double-log", "warning", N_OBS)
    ]


def test_counts_and_normalised_values_in_each_others_place_are_told(counts, found):
    assert rules(found(counts, logged(counts))) == [("raw-not-counts", "warning", 1)]


MIXED = {
    "cells reversed": lambda values: values[::-1],
    "cells shifted by one": lambda values: np.roll(values, 1, axis=0),
    "cells of a type permuted": lambda values: np.roll(values, 3, axis=0),
    "genes permuted": lambda values: values[:, np.random.default_rng(1).permutation(N_VARS)],
    "genes shifted by one": lambda values: np.roll(values, 1, axis=1),
}


@pytest.mark.parametrize("mix", MIXED.values(), ids=MIXED)
def test_other_cells_and_other_genes_are_refused(mix, counts, found):
    (finding,) = found(mix(logged(counts)), counts)
    assert (finding.rule, finding.severity) == ("x-from-another-matrix", "error")
    assert finding.count >= 0.9 * N_OBS


def test_two_exchanged_cells_are_refused_and_named(counts, found):
    values = logged(counts)
    values[[4, 50]] = values[[50, 4]]
    (finding,) = found(values, counts)
    assert (finding.rule, finding.severity, finding.count, finding.examples) == (
        "x-from-another-matrix", "error", 2, ("cell 4", "cell 50"),
    )  # fmt: skip


def test_cells_of_another_sample_are_refused(counts, found):
    rng = np.random.default_rng(8)
    other = rng.poisson(rng.gamma(0.4, size=(3, N_VARS))[rng.integers(3, size=N_OBS)] * 3.0)
    (finding,) = found(logged(other.astype(float)), counts)
    assert (finding.rule, finding.severity) == ("x-from-another-matrix", "error")


def smoothed(values):
    """Return the means over the cells of a type, half and half with the cell's own."""
    means = np.stack([values[kind::3].mean(axis=0) for kind in range(3)])
    return 0.5 * values + 0.5 * means[np.arange(N_OBS) % 3]


CHANGED = {
    "scaled by gene": lambda values: values * np.random.default_rng(2).lognormal(size=N_VARS),
    "smoothed": smoothed,
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_values_that_were_changed_across_cells_are_only_warned_of(change, counts, found):
    (finding,) = found(change(logged(counts)), counts)
    assert (finding.rule, finding.severity) == ("x-not-from-raw-alone", "warning")


def test_scaled_values_are_left_out_with_a_note(counts, found):
    values = logged(counts)
    assert rules(found(values - values.mean(axis=0), counts)) == [("x-scaled", "note", 1)]


def test_genes_of_other_names_are_left_out_with_a_note(counts, found):
    other = [f"other_{gene}" for gene in range(N_VARS)]
    assert rules(found(logged(counts), counts, raw_genes=other)) == [("x-not-compared", "note", 1)]


def test_raw_of_other_cells_in_number_is_refused(counts, found, tmp_path):
    found(logged(counts), counts)
    path = tmp_path / "deposit.h5ad"
    with h5py.File(path, "r+") as file:
        group = file["raw/X"]
        indptr = group["indptr"][: N_OBS - 4]
        for name, values in {"indptr": indptr, "data": group["data"][: indptr[-1]],
                             "indices": group["indices"][: indptr[-1]]}.items():  # fmt: skip
            del group[name]
            group[name] = values
        group.attrs["shape"] = (N_OBS - 5, N_VARS)
    (finding,) = compare_x_and_raw(path, scratch=tmp_path / "scratch")
    assert (finding.rule, finding.severity, finding.count) == ("raw-size", "error", 5)
    assert "55 cells" in finding.message


def test_a_deposit_with_x_alone_has_nothing_to_compare(tmp_path, counts):
    anndata.AnnData(csr_matrix(counts)).write_h5ad(tmp_path / "deposit.h5ad")
    assert compare_x_and_raw(tmp_path / "deposit.h5ad", scratch=tmp_path / "scratch") == []


def test_every_block_is_compared(monkeypatch, counts, found):
    def small_blocks(indptr, *, max_nnz=BLOCK_NNZ, start=0, stop=None):
        del max_nnz
        return row_blocks(indptr, max_nnz=200, start=start, stop=stop)

    monkeypatch.setattr("genemamba.atlas.sources.matrices.row_blocks", small_blocks)
    values = logged(counts)
    values[[50, 55]] = values[[55, 50]]
    (finding,) = found(values, counts)
    assert (finding.count, finding.examples) == (2, ("cell 50", "cell 55"))


def never_falls(x, raw):
    """Say by pairs whether a row of values is a function of the raw ones that never falls."""
    return all(
        (a == b) == (p == q) and ((a < b) <= (p <= q))
        for (a, p), (b, q) in itertools.product(zip(raw, x, strict=True), repeat=2)
    )


def test_values_too_large_for_a_logarithm_are_none():
    from genemamba.atlas.standards.value_forms import cell_forms

    forms = cell_forms(np.array([7.0, 8.0, 7.0]), np.array([3.0, 3.0, 4.0]), np.array([0]))

    assert forms.number.tolist() == [-1]


@settings(max_examples=60, deadline=None)
@given(
    raw=st.lists(st.lists(st.integers(0, 4), min_size=6, max_size=6), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_cells_that_are_no_function_are_those_that_pairs_tell(raw, seed):
    from genemamba.atlas.standards.correspondence import Correspondence

    rng = np.random.default_rng(seed)
    table = np.vstack([np.asarray(raw, dtype=float), np.arange(1, 7)])  # no gene is unseen
    steps = np.cumsum(np.concatenate([[0], rng.integers(1, 4, size=6)])).astype(float)
    values = steps[table.astype(int)]
    for row in np.flatnonzero(rng.random(len(raw)) < 0.5):
        values[row] = rng.permutation(values[row])
    tally = Correspondence(n_vars=6)
    # The last cell has every gene: it comes first, and no gene counts as filtered.
    order = np.roll(np.arange(len(table)), 1)
    tally.add(csr_matrix(values[order]), csr_matrix(table[order]), first_row=0)
    expected = [
        place for place, row in enumerate(order) if not never_falls(values[row], table[row])
    ]
    assert tally.other_cells == expected


def test_the_bundled_data_of_scanpy_raise_no_alarm(tmp_path):
    scanpy = pytest.importorskip("scanpy")
    adata = scanpy.datasets.pbmc68k_reduced()
    adata.write_h5ad(tmp_path / "deposit.h5ad")
    findings = compare_x_and_raw(tmp_path / "deposit.h5ad", scratch=tmp_path / "scratch")
    assert rules(findings) == [("x-scaled", "note", 1)]


@pytest.mark.parametrize("name", ["pbmc_multistudy", "pancreas_panc8_small"])
def test_real_counts_and_their_logarithms_are_told_from_permuted_ones(name, data_dir, tmp_path):
    adata = anndata.read_h5ad(data_dir / f"{name}.h5ad")[:300].copy()
    values = csr_matrix(adata.layers.get("counts_as_shipped", adata.X)).astype(np.float32)
    values.data = np.rint(values.data)
    values.eliminate_zeros()
    deposit = anndata.AnnData(values.copy())
    deposit.raw = deposit.copy()
    deposit.X = csr_matrix(logged(values.toarray()).astype(np.float32))
    deposit.write_h5ad(tmp_path / "good.h5ad")
    assert compare_x_and_raw(tmp_path / "good.h5ad", scratch=tmp_path / "scratch") == []
    deposit.X = deposit.X[np.random.default_rng(0).permutation(300)]
    deposit.write_h5ad(tmp_path / "bad.h5ad")
    (finding,) = compare_x_and_raw(tmp_path / "bad.h5ad", scratch=tmp_path / "scratch")
    assert (finding.rule, finding.severity) == ("x-from-another-matrix", "error")
