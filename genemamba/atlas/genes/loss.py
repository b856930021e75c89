"""How much of a deposit each outcome of the mapping concerns, in genes and in UMIs."""

from typing import Any, Final, get_args

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.genes.reference import Status

STATUSES: Final[tuple[str, ...]] = get_args(Status)
"""In the order of reports: what was found, then what was lost."""


def count_by_status(var: pd.DataFrame, gene_totals: np.ndarray) -> dict[str, dict[str, Any]]:
    """Count genes and UMIs by the outcome of their mapping.

    Parameters
    ----------
    var
        Genes of a store.
    gene_totals
        UMIs of each, shape ``(n_vars,)``.

    Returns
    -------
    For each status that occurs: ``genes``, ``umis``, and ``share``, its part of all UMIs in
    [0, 1]; the shares add up to one where there are UMIs.
    """
    status = var[keys.GENE_STATUS].astype(str).to_numpy()
    total = max(float(np.sum(gene_totals)), 1.0)
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(set(status), key=_place):
        of_status = status == name
        umis = float(gene_totals[of_status].sum())
        found[name] = {
            "genes": int(of_status.sum()),
            "umis": int(umis) if umis.is_integer() else umis,
            "share": umis / total,
        }
    return found


def _place(status: str) -> int:
    return STATUSES.index(status) if status in STATUSES else len(STATUSES)
