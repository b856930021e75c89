"""scIB's metrics, one by one: what each reads, and a call that no failure escapes."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from genemamba.evaluation.integration.batch_silhouette import batch_silhouette
from genemamba.evaluation.integration.neighbors import exact_neighbors, nearest

if TYPE_CHECKING:
    from scib_metrics.nearest_neighbors import NeighborsResults

Group = Literal["bio", "batch", "published", "aggregate"]
"""Bio conservation, batch correction, what only the published averages ask for, or a mean."""

METRIC_FAILURES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What scib-metrics and the libraries under it raise on data they cannot score."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """One embedding of the cells that a metric reads."""

    X: npt.NDArray[np.float32]
    """Shape ``(n_obs, n_dims)``."""
    X_pre: npt.NDArray[np.float32] | None
    """The same cells before integration, shape ``(n_obs, n_dims_pre)``."""
    labels: npt.NDArray[np.str_]
    """Shape ``(n_obs,)``."""
    batch: npt.NDArray[np.str_]
    """Shape ``(n_obs,)``."""

    @cached_property
    def neighbors(self) -> "NeighborsResults":
        """The nearest cells of each."""
        return exact_neighbors(self.X)


class MetricSpec(NamedTuple):
    """A function of scib-metrics and its arguments, as its `Benchmarker` fills them."""

    name: str
    """Function of ``scib_metrics``."""
    group: Group
    arguments: Callable[[Space], tuple[Any, ...]]
    label_free: bool = False
    """It can be asked of cells that nobody labelled."""
    options: Mapping[str, Any] = {}
    parts: tuple[str, ...] = ()
    """Keys of the result where that is a dict."""
    function: Callable[..., Any] | None = None
    """What computes it, if not scib-metrics."""
    library: str = "scib-metrics"
    """Distribution that computes it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the numbers it gives, spelt as the `Benchmarker` spells them."""
        return tuple(f"{self.name}_{part}" for part in self.parts) or (self.name,)


NMI_ARI: Final = ("nmi", "ari")

BIO_METRICS: Final = (
    MetricSpec("isolated_labels", "bio", lambda s: (s.X, s.labels, s.batch)),
    MetricSpec(
        "nmi_ari_cluster_labels_leiden",
        "bio",
        lambda s: (nearest(s.neighbors, 15), s.labels),
        parts=NMI_ARI,
    ),
    MetricSpec("nmi_ari_cluster_labels_kmeans", "bio", lambda s: (s.X, s.labels), parts=NMI_ARI),
    MetricSpec("silhouette_label", "bio", lambda s: (s.X, s.labels)),
    MetricSpec("clisi_knn", "bio", lambda s: (s.neighbors, s.labels)),
)
"""Does the embedding keep the cell types apart?"""

KBET: Final = MetricSpec(
    "kbet_per_label", "batch", lambda s: (nearest(s.neighbors, 50), s.batch, s.labels)
)
"""Apart from the others because it takes 40 s to compile on two cores."""

BATCH_METRICS: Final = (
    MetricSpec("bras", "batch", lambda s: (s.X, s.labels, s.batch)),
    MetricSpec("ilisi_knn", "batch", lambda s: (s.neighbors, s.batch), label_free=True),
    MetricSpec("graph_connectivity", "batch", lambda s: (nearest(s.neighbors, 15), s.labels)),
    MetricSpec(
        "pcr_comparison",
        "batch",
        lambda s: (s.X_pre, s.X, s.batch),
        label_free=True,
        options={"categorical": True},
    ),
)
"""Does the embedding mix the batches? Neighbourhoods of 15, 50 and 90 as in scIB."""

PUBLISHED_METRICS: Final = (
    MetricSpec(
        "silhouette_batch",
        "published",
        lambda s: (s.X, s.labels, s.batch),
        function=batch_silhouette,
        library="scikit-learn",
    ),
)
"""No part of scib-metrics' means, which have BRAS in its place, but of the published Avg-batch."""


DECIMALS: Final = 5
"""Metrics compute in float32. Equal calls give equal digits, but the seventh changes with what
else the process has done with JAX; what is kept is what repeats everywhere."""


class MetricResult(NamedTuple):
    """What came of one call."""

    values: Mapping[str, float]
    """Number of each metric; NaN where the call failed."""
    note: str
    """The warning or error, or nothing."""


def compute_metric(spec: MetricSpec, space: Space) -> MetricResult:
    """Compute one metric; a failure becomes NaN and its text, and never loses the others.

    Parameters
    ----------
    spec
        Which metric.
    space
        The cells it is computed on.
    """
    import scib_metrics

    function = spec.function or getattr(scib_metrics, spec.name)
    with (
        _quiet_libraries(),
        # On several threads the last digits vary, and small products wait for each other.
        threadpool_limits(1, user_api="blas"),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            value = function(*spec.arguments(space), **spec.options)
        except METRIC_FAILURES as error:
            note = f"{type(error).__name__}: {error}"
            return MetricResult(dict.fromkeys(spec.metrics, float("nan")), note)
    # Only scib-metrics speaks by plain UserWarning; the rest is its libraries' housekeeping.
    said = dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning)
    parts = value if spec.parts else {"": value}
    numbers = [round(float(parts[part]), DECIMALS) for part in spec.parts or ("",)]
    if not said and not np.isfinite(numbers).all():
        said["Not a number: these cells leave nothing to compare."] = None
    return MetricResult(dict(zip(spec.metrics, numbers, strict=True)), " ".join(said))


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep scib-metrics from logging to stdout and from installing a root handler."""
    root, library = logging.getLogger(), logging.getLogger("scib_metrics")
    level = library.level
    library.setLevel(logging.WARNING)
    root.addHandler(_SILENCE)
    try:
        yield
    finally:
        root.removeHandler(_SILENCE)
        library.setLevel(level)


_SILENCE: Final = logging.NullHandler()
