"""A synthetic deposit of any number of cells, written block by block."""

from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem

from genemamba.atlas.genes.tables import load_reference

N_VARS: Final = 36_000
NNZ_PER_CELL: Final = 4_000
N_PROGRAMS: Final = 256
CELLS_AT_ONCE: Final = 2_000


def write_deposit(path: Path, *, n_obs: int, seed: int = 0) -> None:
    """Write cells of `NNZ_PER_CELL` counts over `N_VARS` human genes as an uncompressed h5ad.

    Parameters
    ----------
    path
        Target.
    n_obs
        Cells.
    seed
        Of the draw.
    """
    rng = np.random.default_rng(seed)
    usage = rng.lognormal(0, 1.5, N_VARS)
    # The genes with the largest keys are a weighted draw without repeats (Gumbel's trick).
    keys = np.log(usage) + rng.gumbel(size=(N_PROGRAMS, N_VARS))
    programs = np.sort(np.argpartition(-keys, NNZ_PER_CELL)[:, :NNZ_PER_CELL], axis=1)
    programs = programs.astype(np.int32)
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_elem(file, "obs", _cells(rng, n_obs))
        write_elem(file, "var", pd.DataFrame(index=_gene_ids()))
        matrix = file.create_group("X")
        matrix.attrs.update(
            {
                "encoding-type": "csr_matrix",
                "encoding-version": "0.1.0",
                "shape": [n_obs, N_VARS],
            }
        )
        size = n_obs * NNZ_PER_CELL
        matrix["indptr"] = np.arange(n_obs + 1, dtype=np.int64) * NNZ_PER_CELL
        data = matrix.create_dataset("data", shape=(size,), dtype="f4")
        indices = matrix.create_dataset("indices", shape=(size,), dtype="i4")
        for start in range(0, n_obs, CELLS_AT_ONCE):
            n = min(CELLS_AT_ONCE, n_obs - start)
            here = slice(start * NNZ_PER_CELL, (start + n) * NNZ_PER_CELL)
            indices[here] = programs[rng.integers(0, N_PROGRAMS, n)].reshape(-1)
            data[here] = rng.negative_binomial(1, 0.4, n * NNZ_PER_CELL) + 1


def _cells(rng: np.random.Generator, n_obs: int) -> pd.DataFrame:
    columns = {
        "cell_type": pd.Categorical(rng.choice([f"type {i}" for i in range(20)], n_obs)),
        "batch": pd.Categorical(rng.choice([f"batch {i}" for i in range(8)], n_obs)),
    }
    return pd.DataFrame(columns, index=[f"cell{i}" for i in range(n_obs)])


def _gene_ids() -> list[str]:
    """Take genes as Cell Ranger's references have them: without the copies on chromosome Y."""
    reference = load_reference()
    genes = [gene for gene in reference.symbols if gene not in reference.copies_on_y]
    return genes[:N_VARS]
