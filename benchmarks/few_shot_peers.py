"""Other ways to teach new cell types to a head, for benchmarks/few_shot.py."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from sklearn.covariance import oas

from genemamba.annotation.incremental import IncrementalHead, fit_branch
from genemamba.annotation.linear_probe import LinearProbe, fit_probe
from genemamba.annotation.type_statistics import TypeStatistics, type_statistics

FINE_TUNING_STEPS = 200
FINE_TUNING_LR = 0.01
"""Adam's; the loss on the new cells is then below 0.01."""


class Lesson(NamedTuple):
    """What there is to learn from, and the head that knows the old types."""

    base: LinearProbe
    """Learnt from the old cells."""
    X_old: NDArray[np.float32]
    old: NDArray[np.str_]
    """Labels of these cells."""
    X_new: NDArray[np.float32]
    new: NDArray[np.str_]
    """Labels of the few new ones."""

    @property
    def statistics(self) -> TypeStatistics:
        """What is kept of the old cells."""
        return type_statistics(self.X_old, self.old)


class Logits(NamedTuple):
    """Scores of some cells."""

    classes: NDArray[np.str_]
    values: NDArray[np.float64]

    @property
    def labels(self) -> NDArray[np.str_]:
        """Best label of each cell."""
        return self.classes[self.values.argmax(axis=1)]


def incremental(lesson: Lesson, X: NDArray[np.float32]) -> Logits:
    """Freeze the base and add the branch: what the product does."""
    statistics = lesson.statistics.with_types(lesson.X_new, lesson.new)
    head = IncrementalHead(base=lesson.base, branch=fit_branch(statistics))
    return Logits(np.array(head.classes), head.logits(X))


def branch_alone(lesson: Lesson, X: NDArray[np.float32]) -> Logits:
    """Let the branch tell old types apart, too: ridge regression, without the base."""
    branch = fit_branch(lesson.statistics.with_types(lesson.X_new, lesson.new))
    return Logits(np.array(branch.statistics.classes), branch.scores(X))


def retrained(lesson: Lesson, X: NDArray[np.float32]) -> Logits:
    """Learn a head from all cells, old and new, as if there were none."""
    head = fit_probe(
        np.vstack([lesson.X_old, lesson.X_new]),
        np.concatenate([lesson.old, lesson.new]).astype(object),
        seed=0,
    )
    return Logits(np.array(head.classes), head.logits(X))


def fine_tuned(lesson: Lesson, X: NDArray[np.float32]) -> Logits:
    """Give the base a row for each new type and train all rows on the new cells alone."""
    base, names = lesson.base, np.unique(lesson.new)
    n_dims = lesson.X_new.shape[1]
    weights = torch.tensor(np.vstack([base.weights, np.zeros((len(names), n_dims))]))
    bias = torch.tensor(np.append(base.bias, np.zeros(len(names))))
    Z = torch.tensor((lesson.X_new - base.mean) / base.scale)
    truth = torch.tensor(len(base.classes) + np.searchsorted(names, lesson.new))
    optimizer = torch.optim.Adam(
        [weights.requires_grad_(), bias.requires_grad_()], lr=FINE_TUNING_LR
    )
    for _ in range(FINE_TUNING_STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(Z @ weights.T + bias, truth).backward()
        optimizer.step()
    scores = ((X - base.mean) / base.scale) @ weights.detach().numpy().T + bias.detach().numpy()
    return Logits(np.append(base.classes, names), scores)


def prototypes(lesson: Lesson, X: NDArray[np.float32]) -> Logits:
    """Freeze the base; new types by squared distance to the types' means."""
    return _gaussian(lesson, X, shared_covariance=False)


def gaussian(lesson: Lesson, X: NDArray[np.float32]) -> Logits:
    """Freeze the base; new types by Mahalanobis distance, with a shrunken shared covariance.

    Chen et al., IEEE Trans. Signal Processing 58, 2010 (the shrinkage); the density of a cell under
    a mean of n cells has the covariance (1 + 1/n) times that of the cells.
    """
    return _gaussian(lesson, X, shared_covariance=True)


def _gaussian(lesson: Lesson, X: NDArray[np.float32], *, shared_covariance: bool) -> Logits:
    old = lesson.statistics
    every = old.with_types(lesson.X_new, lesson.new)
    rows = np.searchsorted(old.classes, lesson.old)
    residuals = old.scaled(lesson.X_old) - old.centres[rows]
    covariance = np.eye(len(old.mean)) * residuals.var(axis=0).mean()
    if shared_covariance:
        covariance = oas(residuals, assume_centered=True)[0]
    whiten = np.linalg.inv(np.linalg.cholesky(covariance)).T
    Z, centres = old.scaled(X) @ whiten, every.centres @ whiten
    broader = 1 + 1 / every.counts
    squared = ((Z[:, None] - centres) ** 2).sum(axis=2)
    density = -0.5 * squared / broader - 0.5 * len(old.mean) * np.log(broader)
    n_old = len(old.classes)
    log_base = log_softmax(lesson.base.logits(X), axis=1)
    kept = log_base + logsumexp(density[:, :n_old], axis=1, keepdims=True)
    return Logits(np.array(every.classes), np.hstack([kept, density[:, n_old:]]))
