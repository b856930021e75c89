import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.atlas.sources.cell_table import FrameTable
from genemamba.atlas.sources.counts import (
    Faults,
    find_faults,
    recognise_scale,
    recover_counts,
    refuse_faults,
    round_noise,
)
from genemamba.atlas.sources.spool import RowSpool
from genemamba.errors import CountsError


def log1p_normalise(counts, *, target=1e4, decimals=None):
    totals = counts.sum(axis=1, keepdims=True)
    logged = np.log1p(counts / np.maximum(totals, 1) * target)
    return logged if decimals is None else logged.round(decimals)


@pytest.fixture
def spooled(tmp_path):
    def write(dense):
        with RowSpool(tmp_path / "spool", n_vars=dense.shape[1]) as spool:
            for row in dense:
                spool.append(row)
            return spool.finish()

    return write


@given(seed=st.integers(0, 10_000), target=st.sampled_from([1e3, 1e4, 1e6]))
def test_counts_are_recovered_from_float32_log1p_of_any_scale(seed, target):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0, size=(5, 30)).astype(float)
    counts[:, 0] = 1  # the recovery takes the smallest value for one count

    recovered = recover_counts(csr_matrix(log1p_normalise(counts, target=target).astype("f4")))

    np.testing.assert_array_equal(recovered.counts.toarray(), counts)
    assert not recovered.refused.any()


def test_a_cell_that_rounding_spoilt_is_refused_and_its_neighbours_are_not():
    counts = np.array([[1.0, 2.0, 5.0], [1.0, 900.0, 40_000.0], [0.0, 0.0, 0.0]])

    recovered = recover_counts(csr_matrix(log1p_normalise(counts, decimals=3)))

    assert recovered.refused.tolist() == [False, True, False]
    np.testing.assert_array_equal(recovered.counts.toarray(), [[1, 2, 5], [0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    "value", [-0.5, 1e4, np.inf, np.nan], ids=["negative", "overflow", "infinite", "nan"]
)
def test_a_cell_with_a_value_that_is_no_log1p_is_refused(value):
    recovered = recover_counts(csr_matrix([[np.log(2), value], [np.log(2), np.log(3)]]))

    assert recovered.refused.tolist() == [True, False]


def test_arithmetic_noise_is_rounded_and_a_real_fraction_is_left():
    recovered = round_noise(csr_matrix([[3 - 1e-12, 1e-9, 2.5, 426.0, 9_999.9999]]))

    assert recovered.counts.toarray().tolist() == [[3.0, 0.0, 2.5, 426.0, 10_000.0]]
    assert recovered.tally.rounded == 3


def test_counts_log1p_and_neither_are_told_apart(spooled):
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, size=(40, 30)).astype(float)
    tpm = rng.gamma(0.5, 200.0, size=(40, 30))

    assert recognise_scale(spooled(counts)) == "counts"
    assert recognise_scale(spooled(log1p_normalise(counts))) == "log1p"
    assert recognise_scale(spooled(tpm)) is None
    assert recognise_scale(spooled(np.log1p(tpm))) is None
    assert recognise_scale(spooled(counts - counts.mean(axis=0))) is None
    assert recognise_scale(spooled(np.zeros((3, 3)))) is None


def test_faults_are_counted_over_all_blocks_and_the_first_is_named():
    blocks = [csr_matrix([[1.0, -4.0], [np.nan, 0.5]]), csr_matrix([[1.0, 2.0], [-1.0, 0.0]])]
    faults = Faults()
    for first_row, block in ((1, blocks[0]), (3, blocks[1])):
        faults = find_faults(round_noise(block), first_row=first_row).merge(faults)

    cells = FrameTable(frame=pd.DataFrame(index=list("abcde")))

    with pytest.raises(
        CountsError,
        match=r"2 negative, 1 non-finite, 1 fractional values, the first -4\.0 in cell 'b', "
        r"gene 'G2'",
    ) as caught:
        refuse_faults(faults, location="X", cells=cells, genes=["G1", "G2"])
    assert (caught.value.rule, caught.value.count) == ("counts-negative", 4)
    assert caught.value.examples == ("-4.0 in cell 'b', gene 'G2'",)


def test_clean_counts_have_no_faults():
    block = round_noise(csr_matrix([[0.0, 16_777_217.0]]))

    assert find_faults(block, first_row=0) == Faults()
