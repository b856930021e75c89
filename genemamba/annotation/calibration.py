"""Probabilities that mean what they say: temperature scaling, and how far they are off."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from genemamba.annotation.head import Head

TEMPERATURES: Final = (0.1, 10.0)
"""Bounds of the search. Where every cell is right the likelihood has no maximum, and a head would
call itself certain."""

N_BINS: Final = 15
"""Bins of the expected calibration error, as in Guo et al. 2017."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CalibratedHead:
    """A head whose logits are divided by one temperature: the best label stays the best."""

    head: Head
    """As it was learnt."""
    temperature: float
    """Above 1 where the head was too sure."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in sorted order."""
        return self.head.classes

    def logits(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the calibrated log odds of each label, shape ``(n_obs, n_classes)``.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.
        """
        return self.head.logits(X) / self.temperature


def fit_temperature(logits: npt.NDArray[np.float64], codes: npt.NDArray[np.integer]) -> float:
    """Find the temperature under which the true labels are likeliest (Guo et al. 2017, section 4).

    The likelihood has one maximum, as it is concave in the inverse of the temperature.

    Parameters
    ----------
    logits
        Of cells that the head did not learn from, shape ``(n_obs, n_classes)``; minus infinity
        where a head does not know a label, though never that of the cell itself.
    codes
        Column of each cell's own label, shape ``(n_obs,)``.

    Returns
    -------
    Within `TEMPERATURES`; 1 where there is no cell to judge by.
    """
    if not len(codes):
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        own = scaled[np.arange(len(codes)), codes]
        return float(np.mean(logsumexp(scaled, axis=1) - own))

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def expected_calibration_error(
    confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_], *, n_bins: int = N_BINS
) -> float:
    """Return how far confidence is from accuracy, in the mean of the cells (Guo et al. 2017, eq. 3).

    Parameters
    ----------
    confidence
        Probability of each cell's best label, in [0, 1], shape ``(n_obs,)``, one cell at least.
    is_right
        Whether that is its label, shape ``(n_obs,)``.
    n_bins
        Bins of equal width, each open below and closed above.
    """
    number = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    gap = np.bincount(number, weights=is_right - confidence, minlength=n_bins)
    return float(np.abs(gap).sum() / len(confidence))
