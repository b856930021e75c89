"""Progress bars on a terminal's stderr, silence elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class Bar:
    """A bar on the terminal; calling it with (done, total) moves it.

    Parameters
    ----------
    bars
        Where it is drawn.
    bar
        Which one it is.
    """

    def __init__(self, bars: Progress, bar: TaskID) -> None:
        self._bars, self._bar = bars, bar

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bars.update(self._bar, completed=done, total=total)

    def note(self, text: str) -> None:
        """Show a few words behind the bar, in place of those before."""
        self._bars.update(self._bar, note=text)


TENS: Final = 10
"""Rates from here on are shown without a decimal."""


class RateColumn(ProgressColumn):
    """How many a second, over the last of them; what was there at the first call is left out.

    Parameters
    ----------
    unit
        What is counted, in the plural.
    """

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Show the rate of a task, empty until there is one."""
        if task.speed is None:
            return Text("")
        digits = 0 if task.speed >= TENS else 1
        return Text(f"{task.speed:,.{digits}f} {self.unit}/s", style="progress.data.speed")


@contextmanager
def progress_bar(label: str, *, unit: str | None = None) -> Iterator[Bar | None]:
    """Yield a bar with the time left; None where nobody watches.

    Parameters
    ----------
    label
        Shown in front of it.
    unit
        What is counted, in the plural, where the rate is to be shown.
    """
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        *([RateColumn(unit)] if unit else []),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bar(bars, bars.add_task(label, total=None, note=""))
