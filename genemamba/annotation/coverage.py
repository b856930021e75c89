"""How often a head errs among the cells it answers for, from the surest cell to all of them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class CoverageRisk(NamedTuple):
    """One point for each confidence that occurs, highest first; each of shape ``(n_points,)``."""

    threshold: npt.NDArray[np.float64]
    """Cells at least as sure as this are answered for."""
    coverage: npt.NDArray[np.float64]
    """Share of the cells that are, in (0, 1]."""
    risk: npt.NDArray[np.float64]
    """Share of these whose label is wrong, in [0, 1]."""

    @property
    def area(self) -> float:
        """Area under the curve, in [0, 1]: the mean risk over all coverages; lower is better.

        Geifman, Uziel and El-Yaniv 2019 (arXiv 1805.08206), section 2. Cells equally sure are
        answered for together, so their risk counts once for each of them.
        """
        return float(np.diff(self.coverage, prepend=0.0) @ self.risk)

    def thin(self, n_points: int) -> "CoverageRisk":
        """Keep at most so many points, evenly spaced, the first and the last among them."""
        kept = np.unique(np.linspace(0, len(self.risk) - 1, n_points).round().astype(int))
        return CoverageRisk(self.threshold[kept], self.coverage[kept], self.risk[kept])


def coverage_risk(
    confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_]
) -> CoverageRisk:
    """Trace risk against coverage.

    Parameters
    ----------
    confidence
        Of each cell, shape ``(n_obs,)``; minus infinity for cells that are never answered for.
    is_right
        Whether its best label is its own, shape ``(n_obs,)``.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = np.asarray(confidence[order], dtype=np.float64)
    wrong = np.cumsum(~is_right[order])
    is_last = np.append(falling[1:] != falling[:-1], np.full(min(1, len(falling)), fill_value=True))
    ends = np.flatnonzero(is_last & np.isfinite(falling))
    return CoverageRisk(falling[ends], (ends + 1) / len(confidence), wrong[ends] / (ends + 1))
