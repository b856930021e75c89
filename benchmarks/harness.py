"""What every benchmark shares: fair timing, a description of the machine, one JSON document."""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

REPEATS: Final = 5
"""Timings of which the median counts."""

RESULTS: Final = Path(__file__).parent / "results"
"""Where the last full runs are kept."""


def median_seconds(
    functions: Mapping[str, Callable[[], object]],
    *,
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Time functions in turn, so that a busy moment of the machine falls on all of them alike.

    Parameters
    ----------
    functions
        What to time, by name; each is called once more before, unmeasured.
    repeats
        Timings of each.
    clock
        Seconds; wall-clock ones unless given.

    Returns
    -------
    Median seconds by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(repeats):
        for name, function in functions.items():
            start = clock()
            function()
            seconds[name].append(clock() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def median_process_seconds(
    functions: Mapping[str, Callable[[], object]], *, repeats: int = REPEATS
) -> dict[str, float]:
    """Time functions as `median_seconds` does, by the processor time of all threads."""
    return median_seconds(functions, repeats=repeats, clock=time.process_time)


def machine() -> dict[str, Any]:
    """Describe where this runs."""
    model = [
        line.split(":", 1)[1].strip()
        for line in _read("/proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "platform": platform.platform(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def versions(*distributions: str) -> dict[str, str]:
    """Return the versions of Python and of some distributions."""
    found = {name: importlib.metadata.version(name) for name in distributions}
    return {"python": platform.python_version(), **found}


def document(
    ratios: Mapping[str, float], detail: Mapping[str, Any], distributions: Sequence[str]
) -> dict[str, Any]:
    """Put a benchmark's outcome in the form that all of them have.

    Parameters
    ----------
    ratios
        Name to number, higher is better.
    detail
        What they come from.
    distributions
        Whose versions matter.
    """
    return {
        "ratios": {name: round(value, 4) for name, value in ratios.items()},
        "detail": dict(detail),
        "versions": versions(*distributions),
        "machine": machine(),
    }


def run_benchmark(name: str, benchmark: Callable[..., dict[str, Any]]) -> None:
    """Run one benchmark from the command line: ``--quick`` for a small one, ``--json`` for JSON.

    A full run is also kept under `RESULTS`.

    Parameters
    ----------
    name
        Of the result's file.
    benchmark
        Called with ``quick``; returns a `document`.
    """
    parser = argparse.ArgumentParser(description=benchmark.__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, in two minutes")
    parser.add_argument("--json", action="store_true", help="print the whole JSON document")
    chosen = parser.parse_args()
    outcome = benchmark(quick=chosen.quick)
    text = json.dumps(outcome, indent=2)
    if not chosen.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(f"{text}\n")
    if chosen.json:
        sys.stdout.write(f"{text}\n")
        return
    for ratio, value in outcome["ratios"].items():
        sys.stdout.write(f"{ratio:45s} {value:10.2f}\n")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
