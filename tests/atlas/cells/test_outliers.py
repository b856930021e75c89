import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from genemamba.atlas.cells.outliers import OutlierRule, mad_outliers
from genemamba.errors import SchemaError

NAMES = ("total_counts", "n_genes_by_counts", "pct_counts_in_top_20_genes", "pct_counts_mt")


def metrics_of(rng, n_obs):
    return {
        "total_counts": np.floor(rng.lognormal(8, 1.5, n_obs)).astype(np.float32) + 1,
        "n_genes_by_counts": rng.integers(1, 4000, n_obs).astype(np.int32),
        "pct_counts_in_top_20_genes": rng.gamma(2, 6, n_obs).astype(np.float32),
        "pct_counts_mt": rng.gamma(1.5, 2, n_obs).astype(np.float32),
    }


def in_the_book(values, n_mads):
    """The outliers of Single-cell best practices, with scipy's MAD."""
    values = values.astype(np.float64)
    distance = n_mads * median_abs_deviation(values)
    return values < np.median(values) - distance, values > np.median(values) + distance


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_batches=st.integers(1, 4))
def test_outliers_are_those_of_best_practices_within_each_batch(seed, n_batches):
    rng = np.random.default_rng(seed)
    batches = rng.permutation(np.repeat(np.arange(n_batches), 60)).astype(np.int8)
    metrics = metrics_of(rng, len(batches))
    expected = {name: np.zeros(len(batches), dtype=bool) for name in NAMES}
    for batch in range(n_batches):
        rows = batches == batch
        of_batch = {name: values[rows] for name, values in metrics.items()}
        for name in NAMES[:2]:
            logged = np.log1p(of_batch[name].astype(np.float64))
            expected[name][rows] = np.logical_or(*in_the_book(logged, 5))
        expected[NAMES[2]][rows] = np.logical_or(*in_the_book(of_batch[NAMES[2]], 5))
        expected[NAMES[3]][rows] = in_the_book(of_batch[NAMES[3]], 3)[1]
    reasons = [
        ";".join(name for name in NAMES if expected[name][row]) for row in range(len(batches))
    ]

    found = mad_outliers(metrics, batches)

    assert [reason if isinstance(reason, str) else "" for reason in found.reason] == reasons
    assert found.is_outlier.tolist() == np.any(list(expected.values()), axis=0).tolist()
    assert (found.small_batches, found.flat_batches) == ((), {})


def judge(values, batches=None, **rule):
    codes = np.zeros(len(values), dtype=np.int8) if batches is None else batches
    rules = [OutlierRule(metric="x", n_mads=3, **rule)]
    return mad_outliers({"x": np.asarray(values, dtype=np.float32)}, codes, rules=rules)


def test_a_deviation_of_exactly_the_accepted_mads_is_no_outlier():
    values = [*range(-50, 51), 3 * 26, 3 * 26 + 1, -3 * 26, -3 * 26 - 1]

    found = judge(values)

    assert median_abs_deviation(values) == 26
    assert np.flatnonzero(found.is_outlier).tolist() == [102, 104]


def test_rules_of_one_side_let_the_other_pass():
    found = judge([*range(-50, 51), 1000, -1000], side="above")

    assert np.flatnonzero(found.is_outlier).tolist() == [101]


def test_small_batches_are_judged_by_limits_alone_and_named():
    values = np.concatenate([np.arange(100), [500, 501], np.arange(10), [500, 5000]])
    batches = np.repeat([3, 8], [102, 12])

    found = judge(values, batches, limit=1000)

    assert found.small_batches == (8,)
    assert np.flatnonzero(found.is_outlier).tolist() == [100, 101, 113]


def test_a_batch_in_which_most_cells_are_equal_is_judged_by_limits_alone_and_named():
    found = judge([0] * 60 + [0.5] * 20 + [9], limit=8)

    assert found.flat_batches == {"x": (0,)}
    assert np.flatnonzero(found.is_outlier).tolist() == [80]


def test_unknown_values_are_no_outliers_and_shift_no_median():
    values = np.array([*range(-50, 51), 1000], dtype=float)

    found = judge(np.concatenate([values, np.full(200, np.nan)]))

    assert np.flatnonzero(found.is_outlier).tolist() == [101]


def test_metrics_that_were_not_measured_give_no_outliers():
    assert not judge(np.full(60, np.nan), limit=8).is_outlier.any()


def test_cells_without_counts_are_outliers_of_every_batch():
    metrics = {"total_counts": np.array([5, 0, 7], dtype=np.float32)}

    found = mad_outliers(metrics, np.zeros(3, dtype=int), rules=[])

    assert found.is_outlier.tolist() == [False, True, False]
    assert found.reason.tolist() == [np.nan, "no_counts", np.nan]


def test_no_cells_have_no_outliers():
    found = judge([])

    assert (found.is_outlier.tolist(), found.reason.tolist()) == ([], [])


def test_missing_metrics_are_all_named():
    with pytest.raises(SchemaError, match="metrics total_counts, pct_counts_mt, found x") as caught:
        mad_outliers(
            {"x": np.zeros(2)},
            np.zeros(2, dtype=int),
            rules=[
                OutlierRule(metric=name, n_mads=5) for name in ("total_counts", "pct_counts_mt")
            ],
        )
    assert caught.value.rule == "schema-mismatch"


def test_metrics_of_other_cells_are_refused():
    with pytest.raises(SchemaError, match="one value for each of 3 cells, found 2 of x"):
        judge([1, 2], np.zeros(3, dtype=int))
