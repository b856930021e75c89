"""Write the files of an old anndata; run with that version: ``python make_anndata.py FOLDER``."""

import sys

import anndata
import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

GENES = ["CD3D", "CD3E", "CD8A", "CD4", "MS4A1", "CD79A", "NKG7", "GNLY"]
FORMS = {"csr": csr_matrix, "csc": csc_matrix, "dense": np.asarray}


def main(folder):
    counts = np.array([[(5 * i + 3 * j) % 7 % 4 for j in range(8)] for i in range(12)], "float32")
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(["B", "T", "NK"] * 4),
            "n_umi": counts.sum(axis=1).astype("int64"),
        },
        index=[f"cell{i}" for i in range(12)],
    )

    def new(matrix):
        return anndata.AnnData(matrix, obs=obs.copy(), var=pd.DataFrame(index=GENES))

    def write(adata, name):
        path = f"{folder}/anndata-{anndata.__version__}-{name}.h5ad"
        adata.write(path, compression="gzip")

    for name, form in FORMS.items():
        write(new(form(counts)), name)
    scaled = np.log1p(counts * 0.37) - 1
    layered = new(scaled)
    layered.layers["counts"] = csr_matrix(counts)
    write(layered, "layer")
    full = new(csr_matrix(counts))
    full.raw = full
    full = full[:, :4].copy()
    full.X = scaled[:, :4]
    write(full, "raw")


main(sys.argv[1])
