"""A damaged deposit is refused in words, whatever the library that trips over it raises."""

import warnings
import zlib

import numpy as np
import pandas as pd
import pytest
from anndata._io.specs.registry import IORegistryError
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.sources.elements import reading
from genemamba.errors import CountsError, InputError, SourceError

N_DAMAGES = 60


def cells_of(plan):
    return pd.concat(plan.tables.blocks(plan.survey))


@pytest.mark.parametrize("matrix", [csr_matrix, csc_matrix], ids=["csr", "csc"])
def test_eight_damaged_bytes_anywhere_give_a_store_or_a_refusal(
    adata, deposit, plan, tmp_path, matrix
):
    adata.X = matrix(adata.X)
    path = deposit(adata)
    whole, expected = path.read_bytes(), cells_of(plan(path))
    outcomes = []

    for seed in range(N_DAMAGES // 2):
        rng = np.random.default_rng(seed)
        at = int(rng.integers(0, len(whole) - 8))
        path.write_bytes(whole[:at] + rng.bytes(8) + whole[at + 8 :])
        try:
            with warnings.catch_warnings():
                # Nonsense values overflow and divide by zero before they are refused.
                warnings.simplefilter("ignore")
                accepted = plan(path)
                # The table of cells holds a hash of each cell's counts.
                if cells_of(accepted).equals(expected):
                    outcomes.append("missed")
                    continue
                write_store(accepted, str(tmp_path / f"store-{seed}.zarr"))
        except InputError as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("stored")

    assert {"missed", "SourceError"} <= set(outcomes)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyError("bad heap free list"), id="h5py_header"),
        pytest.param(RuntimeError("bad symbol table"), id="h5py_group"),
        pytest.param(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), id="name"),
        pytest.param(IORegistryError("no read method"), id="anndata_encoding"),
        pytest.param(IndexError("out of bounds"), id="category"),
        pytest.param(zlib.error("invalid distance"), id="codec"),
        pytest.param(OSError("file is cut off"), id="system"),
    ],
)
def test_what_readers_raise_becomes_a_refusal_with_a_remedy(error):
    with (
        pytest.raises(SourceError, match=r"Expected x\.h5ad .* cannot be read \(.*Copy the dep"),
        reading("x.h5ad"),
    ):
        raise error


def test_a_refusal_is_not_refused_again():
    refusal = CountsError(expected="counts", found="none", remedy="Count.")

    with pytest.raises(CountsError, match=r"^Expected counts, found none\. Count\.$"), reading("x"):
        raise refusal


def test_the_networks_errors_are_not_the_files():
    lost = ConnectionResetError("reset")

    with pytest.raises(ConnectionError, match="reset"), reading("x.h5ad", remote=True):
        raise lost
