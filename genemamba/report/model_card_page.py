"""A model card as Markdown and as one HTML file that needs no network and no script."""

from pathlib import Path
from typing import Final

from genemamba.publishing import storage_errors
from genemamba.report.data import TrainingPoint
from genemamba.report.figures import draw_training_curve
from genemamba.report.model_card_data import ModelCard
from genemamba.report.page import ENVIRONMENT, Picture, picture_of
from genemamba.report.palette import DARK, LIGHT

HTML_FILE: Final = "model-card.html"
"""The page."""

MARKDOWN_FILE: Final = "model-card.md"
"""The same as text."""

LISTED_STEPS: Final = 8
"""Steps whose loss stands in the text, which has no curve."""


def render_html(card: ModelCard) -> str:
    """Return the card as one HTML file; equal cards give equal text.

    Parameters
    ----------
    card
        What it says.
    """
    return ENVIRONMENT.get_template("model_card.html.j2").render(card=card, curve=_curve(card))


def render_markdown(card: ModelCard) -> str:
    """Return the card as Markdown; equal cards give equal text.

    Parameters
    ----------
    card
        What it says.
    """
    template = ENVIRONMENT.overlay(autoescape=False).get_template("model_card.md.j2")
    return template.render(card=card, steps=listed_steps(card.history))


def write_model_card(card: ModelCard, folder: Path) -> tuple[Path, Path]:
    """Write `MARKDOWN_FILE` and `HTML_FILE` into a folder, which is made where it is absent.

    Parameters
    ----------
    card
        What they say.
    folder
        Where; files of these names are replaced, each at once.

    Returns
    -------
    The Markdown file and the page.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    written = []
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (
            (MARKDOWN_FILE, render_markdown(card)),
            (HTML_FILE, render_html(card)),
        ):
            staged = folder / f".{name}.tmp"
            staged.write_text(text, encoding="utf-8")
            written.append(staged.replace(folder / name))
    return written[0], written[1]


def listed_steps(history: tuple[TrainingPoint, ...]) -> list[TrainingPoint]:
    """Choose steps that tell the course of the losses: the first, the last, some between.

    Parameters
    ----------
    history
        Every step.
    """
    if len(history) <= LISTED_STEPS:
        return list(history)
    last = len(history) - 1
    return [history[i * last // (LISTED_STEPS - 1)] for i in range(LISTED_STEPS)]


def _curve(card: ModelCard) -> Picture | None:
    if not card.history:
        return None
    light, dark = (
        draw_training_curve(card.history, ink, label="Training loss, nats") for ink in (LIGHT, DARK)
    )
    first, last = card.history[0], card.history[-1]
    return picture_of(
        light,
        dark,
        f"Training loss from {first.loss:.2f} at step {first.step:,} to {last.loss:.2f} at step"
        f" {last.step:,}.",
    )
