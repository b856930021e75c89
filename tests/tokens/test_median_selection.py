"""Medians that are never held at once are those of numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genemamba.tokens.median_selection import GeneValues, select_medians


class Readings:
    """Values in parts, and how often they were read."""

    def __init__(self, genes, values, *, n_parts=5):
        self.parts = [
            GeneValues(g.astype(np.int32), v.astype(np.float64))
            for g, v in zip(
                np.array_split(genes, n_parts), np.array_split(values, n_parts), strict=True
            )
        ]
        self.times = 0

    def __call__(self):
        self.times += 1
        return iter(self.parts)


def numpy_medians(genes, values, n_genes):
    return [
        np.median(values[genes == gene]) if (genes == gene).any() else np.nan
        for gene in range(n_genes)
    ]


def scaled_counts(n_values, n_genes, *, seed=0):
    """Counts in 10,000 of cells of several depths: many alike, over four orders of magnitude."""
    rng = np.random.default_rng(seed)
    genes = rng.integers(0, n_genes, n_values)
    return genes, rng.geometric(0.5, n_values) * 10_000 / rng.integers(500, 30_000, n_values)


@pytest.mark.parametrize("capacity", [10**6, 500, 0], ids=["kept", "cut-then-kept", "all-digits"])
def test_medians_are_those_of_numpy(capacity):
    genes, values = scaled_counts(20_000, 37)
    genes[genes == 5] = 6  # a gene without a value

    found = select_medians(Readings(genes, values), n_genes=37, capacity=capacity)

    np.testing.assert_array_equal(found, numpy_medians(genes, values, 37))


@pytest.mark.parametrize(
    ("capacity", "times"), [(20_000, 1), (19_999, 2), (100, 3)], ids=["fits", "just-not", "small"]
)
def test_counts_are_read_as_often_as_memory_makes_it_needed(capacity, times):
    readings = Readings(*scaled_counts(20_000, 4))

    select_medians(readings, n_genes=4, capacity=capacity)

    assert readings.times == times


def test_values_that_are_all_alike_are_found_digit_by_digit():
    readings = Readings(np.zeros(999), np.full(999, 3.7))

    assert select_medians(readings, n_genes=1, capacity=10).tolist() == [3.7]
    assert readings.times <= 9


def test_the_two_in_the_middle_may_lie_far_apart():
    values = np.array([1e-12, 2e-12, 3e-3, 4e9, 5e9, 6e14])
    readings = Readings(np.zeros(6), values)

    assert select_medians(readings, n_genes=1, capacity=1).tolist() == [np.median(values)]


@given(
    values=st.lists(st.floats(1e-300, 1e300, allow_subnormal=False), min_size=1, max_size=40),
    capacity=st.integers(0, 50),
)
def test_median_of_any_positive_numbers_is_exact(values, capacity):
    array = np.array(values)

    found = select_medians(Readings(np.zeros(len(array)), array), n_genes=1, capacity=capacity)

    middle = np.sort(array)[[(len(array) - 1) // 2, len(array) // 2]]
    assert found.tolist() == [(middle[0] + middle[1]) / 2]
