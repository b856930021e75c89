"""The page: one HTML file that needs no network, no script and no other file."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import jinja2
import numpy as np
import numpy.typing as npt

from genemamba.keys import UNKNOWN, X_GENEMAMBA
from genemamba.report.data import Layout, ReportData
from genemamba.report.figures import (
    MAX_COUNTED_TYPES,
    draw_certainty,
    draw_confusion,
    draw_training_curve,
)
from genemamba.report.genes import gene_section
from genemamba.report.names import (
    embedding_title,
    method_title,
    metric_title,
    short_digest,
    short_run_id,
)
from genemamba.report.palette import DARK, LIGHT, Category, colour_key
from genemamba.report.panels import Mark, draw_panel, drawing_order, place_marks, unit_square
from genemamba.report.tables import number_text, recorded_numbers, score_tables


class Panel(NamedTuple):
    """One embedding by one colouring."""

    title: str
    source: str
    alt: str
    marks: tuple[Mark, ...]


class PanelGroup(NamedTuple):
    """All embeddings by one colouring, with its key."""

    title: str
    panels: tuple[Panel, ...]
    categories: tuple[Category, ...]


class Picture(NamedTuple):
    """An image for light and one for dark paper."""

    light: str
    dark: str
    alt: str


def write_report(data: ReportData, path: Path) -> None:
    """Write the page; equal data give equal bytes.

    Parameters
    ----------
    data
        Everything the page shows.
    path
        The HTML file. It appears whole or not at all.
    """
    staged = path.with_name(f"{path.name}.tmp")
    staged.write_text(render_report(data), encoding="utf-8")
    staged.replace(path)


def render_report(data: ReportData) -> str:
    """Return the page as text.

    Parameters
    ----------
    data
        Everything the page shows.
    """
    return ENVIRONMENT.get_template("report.html.j2").render(
        data=data,
        panel_groups=tuple(_panel_groups(data)),
        score_tables=score_tables(data.integration) if data.integration else (),
        ours_key=X_GENEMAMBA,
        genes=gene_section(data.genes) if data.genes else None,
        curve=_curve(data),
        confusion=_confusion(data),
        certainty=_certainty(data),
        numbers=recorded_numbers(data.integration, data.annotation),
        max_counted_types=MAX_COUNTED_TYPES,
        runs={run.key: run for run in data.provenance},
    )


def _panel_groups(data: ReportData) -> Iterator[PanelGroup]:
    if data.cells is None or not data.layouts:
        return
    cells = data.cells
    everything = np.concatenate([cells.label, cells.prediction])
    columns = (
        ("Author label", cells.label, everything, True),
        ("Predicted label", cells.prediction, everything, True),
        ("Batch", cells.batch, cells.batch, False),
    )
    for title, values, like, numbered in columns:
        key = colour_key(values, like=like)
        numbers = key.number_of if numbered else {}
        yield PanelGroup(
            title,
            tuple(_panel(layout, title, values, key.colour_of, numbers) for layout in data.layouts),
            key.categories if numbered else tuple(c._replace(number=0) for c in key.categories),
        )


def _panel(
    layout: Layout,
    title: str,
    values: npt.NDArray[np.object_],
    colour_of: dict[str, str],
    number_of: dict[str, int],
) -> Panel:
    xy = unit_square(layout.coordinates)
    order = drawing_order(values)
    image = draw_panel(xy[order], [colour_of[name] for name in values[order]])
    n_categories = len(set(values) - {UNKNOWN})
    name = embedding_title(layout.embedding)
    return Panel(
        title=name,
        source=_data_uri(image, "image/png"),
        alt=f"UMAP of {name}: {len(values):,} cells by {title.lower()}, {n_categories} in all.",
        marks=place_marks(xy, values, number_of),
    )


def _curve(data: ReportData) -> Picture | None:
    if data.model is None or not data.model.history:
        return None
    history = data.model.history
    light, dark = (draw_training_curve(history, ink) for ink in (LIGHT, DARK))
    first, last = history[0], history[-1]
    alt = f"Training loss from {first.loss:.2f} at step {first.step:,} to {last.loss:.2f} at step {last.step:,}."
    return picture_of(light, dark, alt)


def _confusion(data: ReportData) -> Picture | None:
    if data.annotation is None:
        return None
    ours = data.annotation.rows[0]
    light, dark = (draw_confusion(ours.score.confusion, ink) for ink in (LIGHT, DARK))
    n_types = len(ours.score.confusion.truth)
    alt = f"Confusion matrix of {ours.method}: {ours.score.n:,} cells of {n_types} types; the counts are in the table of types."
    return picture_of(light, dark, alt)


def _certainty(data: ReportData) -> Picture | None:
    if data.certainty is None:
        return None
    light, dark = (draw_certainty(data.certainty, ink) for ink in (LIGHT, DARK))
    alt = f"Share of wrong labels by share of labelled cells; the area under it is {data.certainty.area:.3f}."
    return picture_of(light, dark, alt)


def picture_of(light: bytes, dark: bytes, alt: str) -> Picture:
    """Embed a figure for light and one for dark paper.

    Parameters
    ----------
    light, dark
        SVG.
    alt
        What they show, for those who do not see them.
    """
    svg = "image/svg+xml"
    return Picture(_data_uri(light, svg), _data_uri(dark, svg), alt)


def _data_uri(image: bytes, media_type: str) -> str:
    """Embed an image's bytes."""
    return f"data:{media_type};base64,{base64.b64encode(image).decode()}"


def _count(value: int) -> str:
    return f"{value:,}"


def _cell(text: str) -> str:
    """Keep a text from outside in one line and one column of Markdown."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _plural(value: int, one: str, many: str = "") -> str:
    return f"{value:,} {one if value == 1 else many or f'{one}s'}"


ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("genemamba.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
"""Templates of all pages."""
ENVIRONMENT.filters |= {
    "cell": _cell,
    "count": _count,
    "plural": _plural,
    "number": number_text,
    "method": method_title,
    "metric": metric_title,
    "short": short_digest,
    "run": short_run_id,
}
