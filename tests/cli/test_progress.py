"""A bar says how fast work goes now, whatever was there before it began."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from genemamba.cli.progress import RateColumn, progress_bar


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        pytest.param([(0, 1000)], "", id="nothing yet"),
        pytest.param([(0, 1000), (2, 1200)], "100 cells/s", id="what was found is left out"),
        pytest.param([(0, 0), (1, 3000), (3, 9000)], "3,000 cells/s", id="thousands"),
        pytest.param([(0, 0), (2, 5), (4, 10)], "2.5 cells/s", id="few"),
    ],
)
def test_the_rate_is_that_of_the_work_done_since_the_first_call(done, expected):
    now = 0.0
    bars = Progress(console=Console(file=io.StringIO()), auto_refresh=False, get_time=lambda: now)
    bar = bars.add_task("embedding", total=None)
    for now, completed in done:  # noqa: B007  # read by the clock
        bars.update(bar, completed=completed, total=100_000)

    assert RateColumn("cells").render(bars.tasks[0]).plain == expected


def test_nothing_is_drawn_where_nobody_watches(capsys):
    with progress_bar("embedding", unit="cells") as advance:
        assert advance is None

    assert capsys.readouterr().err == ""
