"""Write a loom file with loompy itself: ``python make_loom.py FOLDER``."""

import sys

import loompy
import numpy as np

GENES = ["CD3D", "CD3E", "CD8A", "CD4", "MS4A1", "CD79A", "NKG7", "GNLY"]
IDS = [
    "ENSG00000167286",
    "ENSG00000198851",
    "ENSG00000153563",
    "ENSG00000010610",
    "ENSG00000156738",
    "ENSG00000105369",
    "ENSG00000105374",
    "ENSG00000115523",
]


def main(folder):
    counts = np.array([[(5 * i + 3 * j) % 7 % 4 for j in range(8)] for i in range(12)])
    path = f"{folder}/loompy-{loompy.__version__}.loom"
    loompy.create(
        path,
        {"": counts.T, "spliced": (counts + 1).T},
        {"Gene": np.array(GENES), "Accession": np.array(IDS), "Loading": np.ones((8, 2))},
        {
            "CellID": np.array([f"cell{i}" for i in range(12)]),
            "cell_type": np.array(["B", "T & NK", "Bβ"] * 4, dtype=object),
            "n_umi": counts.sum(axis=1),
            "Embedding": np.zeros((12, 2)),
        },
    )


main(sys.argv[1])
