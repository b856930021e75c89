"""Ways to change a valid deposit."""

import copy
from collections.abc import Callable
from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

from tests.atlas.standards.cellxgene import deposits

Change = Callable[[anndata.AnnData], anndata.AnnData | None]
Add = Callable[[str, str, str, Change], None]
"""Takes the base, what is changed, what that is about, and the change."""

CONDITION = "experimental_condition_ontology_term_id"


def first(values: dict[str, Any]) -> Change:
    """Give the first cell other values."""

    def change(adata):
        for name, value in values.items():
            old = adata.obs.get(name, pd.Series("na", index=adata.obs.index)).astype(object)
            old.iloc[0] = value
            categorical = name in (*deposits.CATEGORIES, CONDITION)
            adata.obs[name] = old.astype("category") if categorical else old.infer_objects()

    return change


def every(values: dict[str, Any]) -> Change:
    """Give all cells other values."""

    def change(adata):
        for name, value in values.items():
            adata.obs[name] = value
            if name in (*deposits.CATEGORIES, CONDITION):
                adata.obs[name] = adata.obs[name].astype("category")

    return change


def code(text: str) -> Change:
    """Change a deposit ``a`` by a statement, such as ``del a.uns['title']``."""

    def change(adata):
        names = {"a": adata, "np": np, "pd": pd, "d": deposits, "copy": copy, "anndata": anndata,
                 "csr": csr_matrix, "csc": csc_matrix}  # fmt: skip
        exec(text, names)
        return names["a"]

    return change
