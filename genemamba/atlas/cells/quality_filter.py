"""Which cells the opt-in filter leaves out, and why."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genemamba.atlas.cells.doublets import PREDICTED_DOUBLET
from genemamba.atlas.cells.outliers import OUTLIER_REASON, SEPARATOR
from genemamba.errors import SchemaError
from genemamba.findings import MAX_EXAMPLES, Finding

RULE: Final = "quality-filtered"
"""Id of the finding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityFilter:
    """The cells that stay, and a count for each reason why others go."""

    keep: NDArray[np.bool_]
    """False for outliers and predicted doublets, shape ``(n_obs,)``."""
    reasons: dict[str, int]
    """Reason to cells it applies to, most first; a cell with two reasons counts in both."""
    n_unscored: int
    """Cells that are kept though nobody knows whether they are doublets."""

    @property
    def n_dropped(self) -> int:
        """Cells that go, each counted once."""
        return int(np.count_nonzero(~self.keep))

    def finding(self, names: pd.Index) -> Finding:
        """Describe the filter for the verdict.

        Parameters
        ----------
        names
            Names of the cells, shape ``(n_obs,)``.
        """
        counts = ", ".join(f"{n} {reason}" for reason, n in self.reasons.items()) or "none"
        message = (
            f"The filter leaves out {self.n_dropped} of {len(self.keep)} cells ({counts}); "
            f"{self.n_unscored} cells without a doublet call are kept."
        )
        return Finding(
            rule=RULE,
            severity="warning" if self.n_dropped else "note",
            message=message,
            count=self.n_dropped,
            examples=tuple(names[~self.keep][:MAX_EXAMPLES].astype(str)),
            remedy="Ingest without --filter to keep them." if self.n_dropped else "",
        )


def quality_filter(obs: pd.DataFrame) -> QualityFilter:
    """Choose the cells that are neither outliers nor predicted doublets.

    Parameters
    ----------
    obs
        With `OUTLIER_REASON` from `mad_outliers` and `PREDICTED_DOUBLET` from `score_doublets`.

    Raises
    ------
    SchemaError
        One of the columns is missing.
    """
    missing = [name for name in (OUTLIER_REASON, PREDICTED_DOUBLET) if name not in obs]
    if missing:
        raise SchemaError(
            expected=f"obs to have {' and '.join(missing)}",
            found=", ".join(map(str, obs.columns)) or "no columns",
            remedy="Measure the cells before filtering them.",
        )
    reason, doublet = obs[OUTLIER_REASON], obs[PREDICTED_DOUBLET].astype("boolean")
    is_doublet = doublet.fillna(value=False).to_numpy(dtype=bool)
    counts = {PREDICTED_DOUBLET: int(is_doublet.sum())}
    for combination, n in reason.value_counts().items():
        for part in str(combination).split(SEPARATOR):
            counts[part] = counts.get(part, 0) + int(n)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return QualityFilter(
        keep=(reason.isna().to_numpy() & ~is_doublet),
        reasons={name: n for name, n in ordered if n},
        n_unscored=int(doublet.isna().sum()),
    )
