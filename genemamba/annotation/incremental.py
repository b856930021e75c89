"""New types beside a head that stays as it is: a frozen base and a small branch in closed form.

After the idea of Mamba-FSCIL (arXiv 2407.06136): what was learnt first is frozen, and a dynamic
branch learns what new classes add. Its branch is trained by gradients inside the network, and its
targets are the corners of a simplex. Here the branch is their least-squares form, on the embedding
that is frozen with its model. It needs statistics of the old types alone, and learning types one
after the other gives the same branch as learning them at once (analytic continual learning, Zhuang
et al., ACIL, NeurIPS 2022).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from genemamba.annotation.head import Head
from genemamba.annotation.type_statistics import TypeStatistics

SHRINKAGE: Final = 0.01
"""Ridge penalty as a share of the mean squared dimension. 0.003 and 0.03 gave new types' F1 within
0.01 of this on 50 principal components of three data sets."""

SHARPNESS: Final = 8.0
"""What scores, which lie about between 0 and 1, are multiplied by to be logits; 16 gave the same
labels within 0.01 of F1. Nobody's cells are held out to calibrate it: a new type has too few."""

MAX_TAKEN: Final = 0.005
"""Share of an old type's cells, in the mean of the old types, that all new types may take together.
With an embedding in which types overlap (PBMC, 100 steps of training) old types' macro-F1 fell by
0.6 points with 20 cells of each new type, by 1.9 at 0.01 and by 2.4 without a bound; new types' F1
was 0.44, 0.49 and 0.54. Where types lie apart the bound is not reached and changes nothing."""

SMALLEST: Final = 1e-30
"""Probability that stands for none: its logarithm is finite."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnalyticBranch:
    """Class-balanced ridge regression of every type's indicator, old and new, on the embedding.

    Each type weighs one, however many cells it has: five cells of a new type are not outvoted by
    thousands of an old one. With ``x`` an embedding in the statistics' units and a one in front,
    ``W = (sum_k E_k[x x'] + penalty)^-1 [E_1[x] ... E_K[x]]`` and the scores are ``x'W``; the
    solution of the weighted normal equations, written with means (Hastie et al., The Elements of
    Statistical Learning, 2nd ed., eq. 3.44). Indicators and the corners of a simplex differ by a
    rotation and a shift, so either target gives the same differences between scores.
    """

    statistics: TypeStatistics
    """Of every type."""
    weights: npt.NDArray[np.float64]
    """Intercept first, shape ``(1 + n_dims, n_classes)``."""

    def scores(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return a logit for each type, shape ``(n_obs, n_classes)``, columns as the statistics'.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.
        """
        Z = self.statistics.scaled(X)
        return np.asarray(SHARPNESS * (self.weights[0] + Z @ self.weights[1:]))


def fit_branch(statistics: TypeStatistics) -> AnalyticBranch:
    """Solve for the branch; equal statistics give an equal one.

    Parameters
    ----------
    statistics
        Of two or more types.
    """
    n_classes, n_dims = statistics.centres.shape
    gram = np.empty((1 + n_dims, 1 + n_dims))
    gram[0, 0] = n_classes
    gram[0, 1:] = gram[1:, 0] = statistics.centres.sum(axis=0)
    gram[1:, 1:] = statistics.moment
    penalty = SHRINKAGE * np.trace(gram) / len(gram)
    targets = np.vstack([np.ones(n_classes), statistics.centres.T])
    with threadpool_limits(1, user_api="blas"):  # the same digits on any number of cores
        weights = np.linalg.solve(gram + penalty * np.eye(len(gram)), targets)
    return AnalyticBranch(statistics=statistics, weights=weights)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IncrementalHead:
    """A head that knows more types than its base, and tells the base's types apart as the base."""

    base: Head
    """Frozen."""
    branch: AnalyticBranch
    """Of all types."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in sorted order."""
        return tuple(sorted(self.branch.statistics.classes))

    def logits(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Score each label, shape ``(n_obs, n_classes)``.

        Parameters
        ----------
        X
            Embedding, shape ``(n_obs, n_dims)``.
        """
        log_base = log_softmax(self.base.logits(X), axis=1)
        return extend_logits(log_base, self.base.classes, self.branch, X)


def extend_logits(
    log_base: npt.NDArray[np.floating],
    base_classes: tuple[str, ...],
    branch: AnalyticBranch,
    X: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Add new types to what the base says of old ones.

    With q the softmax of the branch's scores, less `caution` for new types, and p the base's probabilities, an old
    type k gets ``log p_k + log(sum of q over the old types)`` and a new one ``log q``: the branch
    says whether a cell is of a new type, and the base, as ever, of which old one it is otherwise.

    Parameters
    ----------
    log_base
        Logarithms of the base's probabilities, shape ``(n_obs, n_base)``.
    base_classes
        Label of each of its columns.
    branch
        Of these types and the new ones.
    X
        Embedding of the same cells, shape ``(n_obs, n_dims)``.

    Returns
    -------
    Logarithms of probabilities, columns by sorted label, shape ``(n_obs, n_classes)``.
    """
    names = branch.statistics.classes
    is_old = np.isin(names, base_classes)
    scores = branch.scores(X)
    scores[:, ~is_old] -= caution(branch, is_old)
    log_q = log_softmax(scores, axis=1)
    old = log_base + logsumexp(log_q[:, is_old], axis=1, keepdims=True)
    new = [name for name, known in zip(names, is_old, strict=True) if not known]
    joined = np.hstack([old, log_q[:, ~is_old]])
    return np.asarray(joined[:, np.argsort([*base_classes, *new])])


def caution(
    branch: AnalyticBranch, is_old: npt.NDArray[np.bool_], *, max_taken: float = MAX_TAKEN
) -> npt.NDArray[np.float64]:
    """Say how much to take off the scores of new types, so that few cells of old ones are lost.

    What is known of old cells are means and the spread within types, taken as normal. The score of
    a new type over that of a cell's own old type is then normal, too, with mean ``(v_new - v_k)'
    m_k`` and variance ``(v_new - v_k)' S (v_new - v_k)``: its upper tail is the share of type k
    that is taken. Each new type gets the least number, 0 at least, that brings the mean of the
    tails to its part of ``max_taken``.

    Parameters
    ----------
    branch
        Of all types.
    is_old
        True for the old ones, shape ``(n_classes,)``; one at least.
    max_taken
        In (0, 1).

    Returns
    -------
    One number for each new type, shape ``(n_new,)``.
    """
    known = branch.statistics
    within = (known.moment - known.centres.T @ known.centres) / len(known.classes)
    spread = _unseen_spread(within, int(known.counts.sum()))
    n_new = int((~is_old).sum())
    taken = []
    for new in branch.weights.T[~is_old]:
        contrast = SHARPNESS * (new - branch.weights.T[is_old])
        mean = contrast[:, 0] + (contrast[:, 1:] * known.centres[is_old]).sum(axis=1)
        deviation = np.sqrt(np.einsum("kd,de,ke->k", contrast[:, 1:], spread, contrast[:, 1:]))
        deviation = np.maximum(deviation, np.finfo(float).tiny)

        def excess(
            off: float,
            mean: npt.NDArray[np.float64] = mean,
            deviation: npt.NDArray[np.float64] = deviation,
        ) -> float:
            return float(norm.sf((off - mean) / deviation).mean()) - max_taken / n_new

        highest = float((mean + 40 * deviation).max())
        taken.append(0.0 if excess(0.0) <= 0 else brentq(excess, 0.0, max(highest, 1.0)))
    return np.array(taken)


def _unseen_spread(within: npt.NDArray[np.float64], n_obs: int) -> npt.NDArray[np.float64]:
    """Shrink a covariance of n cells to a multiple of the identity, as far as n calls for.

    The branch was fitted to the very cells that it describes, so that it looks best along the
    directions in which their spread is too small by chance. Oracle approximating shrinkage, Chen et
    al., IEEE Trans. Signal Processing 58, 2010, eq. 23, without its terms in 2/n_dims, as
    scikit-learn has it.
    """
    n_dims = len(within)
    trace, squares = np.trace(within), (within**2).sum()
    denominator = (n_obs + 1) * (squares - trace**2 / n_dims)
    share = min(1.0, (squares + trace**2) / denominator) if denominator > 0 else 1.0
    return np.asarray((1 - share) * within + share * trace / n_dims * np.eye(n_dims))


def log_probabilities(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Take logarithms of stored probabilities, of which some may have become zero."""
    return np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))
