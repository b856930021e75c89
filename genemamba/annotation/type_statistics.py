"""What is kept of the cells that types were learnt from, so that no cell is needed later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TypeStatistics:
    """Counts, means and second moments, in units of the first labelled cells' spread.

    With ``d`` dimensions and ``K`` types these are ``K (d + 1) + d (d + 2)`` numbers, whatever the
    number of cells. The moments of new types are added to those of old ones, so that statistics of
    several files in a row are those of all their cells at once.
    """

    classes: tuple[str, ...]
    """Types in the order in which they were learnt."""
    counts: npt.NDArray[np.int64]
    """Cells of each, shape ``(n_classes,)``."""
    mean: npt.NDArray[np.float64]
    """What is subtracted from an embedding first, shape ``(n_dims,)``."""
    scale: npt.NDArray[np.float64]
    """What each dimension is divided by then, positive, shape ``(n_dims,)``."""
    centres: npt.NDArray[np.float64]
    """Mean of each type in these units, shape ``(n_classes, n_dims)``."""
    moment: npt.NDArray[np.float64]
    """Sum over the types of the mean of ``x x'`` over their cells, shape ``(n_dims, n_dims)``."""

    def scaled(self, X: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Bring an embedding, shape ``(n_obs, n_dims)``, to these units."""
        return np.asarray((X - self.mean) / self.scale, dtype=np.float64)

    def with_types(self, X: npt.NDArray[np.floating], labels: npt.ArrayLike) -> "TypeStatistics":
        """Add the cells of types that are not there yet.

        Parameters
        ----------
        X
            Embedding of the cells, shape ``(n_obs, n_dims)``.
        labels
            New type of each, shape ``(n_obs,)``.

        Raises
        ------
        ValueError
            One of them is there already.
        """
        labels = np.asarray(labels, dtype=object).astype(str)
        new = sorted(set(labels.tolist()))
        if again := sorted(set(new) & set(self.classes)):
            msg = f"Expected new types, found {again} among those learnt before."
            raise ValueError(msg)
        Z = self.scaled(X)
        cells = [Z[labels == name] for name in new]
        return TypeStatistics(
            classes=(*self.classes, *new),
            counts=np.append(self.counts, [len(each) for each in cells]),
            mean=self.mean,
            scale=self.scale,
            centres=np.vstack([self.centres, *(each.mean(axis=0) for each in cells)]),
            moment=self.moment + sum(each.T @ each / len(each) for each in cells),
        )

    def to_uns(self) -> dict[str, Any]:
        """Return it as an AnnData keeps it."""
        return {
            "classes": np.array(self.classes, dtype=object),
            **{name: getattr(self, name) for name in _ARRAYS},
        }

    @classmethod
    def from_uns(cls, kept: Mapping[str, Any]) -> Self:
        """Take it back from where `to_uns` put it."""
        classes: Sequence[str] = np.asarray(kept["classes"], dtype=object).astype(str).tolist()
        return cls(classes=tuple(classes), **{name: np.asarray(kept[name]) for name in _ARRAYS})


_ARRAYS = ("counts", "mean", "scale", "centres", "moment")


def type_statistics(X: npt.NDArray[np.floating], labels: npt.ArrayLike) -> TypeStatistics:
    """Describe labelled cells, each dimension centred and divided by its standard deviation.

    Parameters
    ----------
    X
        Embedding of labelled cells, shape ``(n_obs, n_dims)``, at least one.
    labels
        Type of each, shape ``(n_obs,)``.
    """
    X = np.asarray(X, dtype=np.float64)
    scale = X.std(axis=0)
    scale[scale == 0] = 1.0
    n_dims = X.shape[1]
    nothing = TypeStatistics(
        classes=(),
        counts=np.empty(0, dtype=np.int64),
        mean=X.mean(axis=0),
        scale=scale,
        centres=np.empty((0, n_dims)),
        moment=np.zeros((n_dims, n_dims)),
    )
    return nothing.with_types(X, labels)
