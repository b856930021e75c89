"""A deposit as large as wanted, written block by block."""

from pathlib import Path

import h5py
import numpy as np

from tests.small_atlas import gene_ids

NNZ_PER_CELL = 4000
N_GENES = 16_000
CELLS_AT_ONCE = 500


def write_large(path: Path, *, n_obs: int) -> Path:
    """Write counts block by block, each cell's in every fourth gene or beside it."""
    rng, text = np.random.default_rng(n_obs), h5py.string_dtype()
    step = N_GENES // NNZ_PER_CELL
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        matrix = file.create_group("X")
        matrix.attrs.update(
            {
                "encoding-type": "csr_matrix",
                "encoding-version": "0.1.0",
                "shape": [n_obs, N_GENES],
            }
        )
        matrix["indptr"] = np.arange(n_obs + 1) * NNZ_PER_CELL
        shape = (n_obs * NNZ_PER_CELL,)
        data = matrix.create_dataset("data", shape, "f4")
        indices = matrix.create_dataset("indices", shape, "i4")
        block = CELLS_AT_ONCE * NNZ_PER_CELL
        places = np.tile(np.arange(NNZ_PER_CELL, dtype=np.int32) * step, CELLS_AT_ONCE)
        for start in range(0, *shape, block):
            data[start : start + block] = rng.integers(1, 9, block, dtype=np.int8)
            indices[start : start + block] = places + rng.integers(0, step, block, dtype=np.int8)
        for name, values in {
            "obs": [f"cell{i}" for i in range(n_obs)],
            "var": gene_ids(N_GENES),
        }.items():
            table = file.create_group(name)
            table.attrs.update(
                {
                    "encoding-type": "dataframe",
                    "encoding-version": "0.2.0",
                    "_index": "_index",
                    "column-order": np.array([], dtype=text),
                }
            )
            table.create_dataset("_index", data=values, dtype=text).attrs.update(
                {"encoding-type": "string-array", "encoding-version": "0.2.0"}
            )
    return path
