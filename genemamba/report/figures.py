"""Charts as SVG: a loss curve, a confusion matrix, risk by coverage."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from typing import Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from genemamba.evaluation.annotation.scores import Confusion
from genemamba.report.data import Certainty, TrainingPoint
from genemamba.report.palette import Ink

MAX_COUNTED_TYPES: Final = 14
"""With more types the counts in a confusion matrix can no longer be read."""

FONT_STACK: Final = b"system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
"""The page's own letters, put in place of matplotlib's."""


def draw_training_curve(
    history: Sequence[TrainingPoint], ink: Ink, *, label: str = "Loss, nats a masked gene"
) -> bytes:
    """Draw the loss of each step and its running mean as SVG.

    Parameters
    ----------
    history
        At least one step.
    ink
        Colours of the page.
    label
        Of the losses.
    """
    steps = np.array([point.step for point in history])
    losses = np.array([point.loss for point in history])
    smooth = _running_mean(losses, window=max(1, len(losses) // 20))
    with _svg_style():
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(steps, losses, color=ink.accent, alpha=0.3, linewidth=0.9)
        axes.plot(steps, smooth, color=ink.accent, linewidth=1.9)
        axes.annotate(
            f"{smooth[-1]:.2f}",
            (float(steps[-1]), float(smooth[-1])),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=ink.text,
        )
        axes.set_xlabel("Step", color=ink.muted)
        axes.set_ylabel(label, color=ink.muted)
        axes.grid(axis="y", color=ink.rule, linewidth=0.8)
        _quieten(axes, ink)
        return _svg(figure)


def draw_confusion(confusion: Confusion, ink: Ink) -> bytes:
    """Draw the share of each author type's cells by prediction as SVG.

    Parameters
    ----------
    confusion
        Counts, at least one row.
    ink
        Colours of the page.
    """
    counts = confusion.counts
    n_rows, n_columns = counts.shape
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = 0.46 if max(counts.shape) <= MAX_COUNTED_TYPES else 0.24
    longest = max(map(len, (*confusion.truth, *confusion.predicted)))
    margin = 0.4 + 0.075 * longest
    with _svg_style():
        size = (cell * n_columns + margin + 0.4, cell * n_rows + 0.75 * margin + 0.4)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        shades = LinearSegmentedColormap.from_list("share", [ink.paper, ink.accent])
        axes.pcolormesh(share, cmap=shades, vmin=0, vmax=1, edgecolors=ink.rule, linewidth=0.6)
        axes.set(aspect="equal", xlim=(0, n_columns), ylim=(n_rows, 0))
        axes.set_yticks(np.arange(n_rows) + 0.5, confusion.truth)
        axes.set_xticks(
            np.arange(n_columns) + 0.5, confusion.predicted, rotation=40, ha="right",
            rotation_mode="anchor",
        )  # fmt: skip
        axes.set_xlabel("Predicted", color=ink.muted)
        axes.set_ylabel("Author", color=ink.muted)
        if max(counts.shape) <= MAX_COUNTED_TYPES:
            _write_counts(axes, counts, share, ink)
        _quieten(axes, ink)
        return _svg(figure)


def draw_certainty(certainty: Certainty, ink: Ink) -> bytes:
    """Draw the share of wrong labels by the share of cells that get one as SVG.

    Parameters
    ----------
    certainty
        Curve with its operating point.
    ink
        Colours of the page.
    """
    with _svg_style():
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(certainty.coverage, certainty.risk, color=ink.accent, linewidth=1.9)
        top = max(float(certainty.risk.max(initial=0.0)), certainty.target or 0.0, 0.02)
        if certainty.target is not None:
            axes.axhline(certainty.target, color=ink.muted, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.annotate(
                f"target {certainty.target:.3g}",
                (0.0, certainty.target),
                xytext=(2, 3),
                textcoords="offset points",
                color=ink.muted,
            )
        if certainty.point is not None:
            coverage, risk = certainty.point
            axes.plot([coverage], [risk], "o", color=ink.accent, markersize=7, clip_on=False)
            axes.annotate(
                f"{coverage:.0%} of the cells, {risk:.1%} wrong",
                (coverage, risk),
                xytext=(-8, 8),
                textcoords="offset points",
                ha="right",
                color=ink.text,
            )
        axes.set(xlim=(0, 1), ylim=(0, 1.15 * top))
        axes.set_xlabel("Share of the cells with a label", color=ink.muted)
        axes.set_ylabel("Share of these that are wrong", color=ink.muted)
        axes.grid(axis="y", color=ink.rule, linewidth=0.8)
        _quieten(axes, ink)
        return _svg(figure)


def _write_counts(
    axes: Axes, counts: npt.NDArray[np.int64], share: npt.NDArray[np.float64], ink: Ink
) -> None:
    for row, column in np.argwhere(counts > 0):
        dark = share[row, column] > 0.5
        axes.text(
            column + 0.5,
            row + 0.5,
            f"{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=8.5,
            color=ink.paper if dark else ink.text,
        )


def _quieten(axes: Axes, ink: Ink) -> None:
    """Leave the data the only strong ink."""
    axes.tick_params(length=0, colors=ink.text, labelsize=9)
    axes.patch.set_alpha(0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _running_mean(values: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Average each value with up to ``window // 2`` on either side."""
    total = np.cumsum(np.insert(values, 0, 0.0))
    here = np.arange(len(values))
    start = np.maximum(here - window // 2, 0)
    end = np.minimum(here + window // 2 + 1, len(values))
    return np.asarray((total[end] - total[start]) / (end - start))


def _svg_style() -> AbstractContextManager[None]:
    """Keep letters as letters, and identifiers in the file equal from run to run."""
    return mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "genemamba", "font.size": 10.0})


def _svg(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.patch.set_alpha(0)
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().replace(b"'DejaVu Sans'", FONT_STACK)
