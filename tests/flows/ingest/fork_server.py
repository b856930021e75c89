"""A process that has imported everything and forks for each command, which then starts at once.

A line on standard input is a JSON list of commands that run side by side; the answer is a line
with their results. A command may have a fault: the n-th call of a function that is given some
text is not made, cut short, or made, and then the process is killed.
"""

import importlib
import itertools
import json
import operator
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import distributed  # noqa: F401  # as the next three: so that no command waits for it
import fastapi  # noqa: F401
import numpy as np
import prefect.flow_engine  # noqa: F401
from scipy.sparse import csr_matrix

import flows.ingest_deposit  # noqa: F401
import genemamba.atlas.ingest.storing
from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.sparse import canonical_csr
from genemamba.cli.main import main

SHARD_NNZ = 2048
"""Tiny deposits have several shards, too."""


def wrap(point: str, wrapper: Callable[..., Any]) -> None:
    """Replace ``module:name`` by a function that is given the original before its arguments."""
    module, _, name = point.partition(":")
    holder, _, last = name.rpartition(".")
    target: Any = importlib.import_module(module)
    target = operator.attrgetter(holder)(target) if holder else target
    original = getattr(target, last)

    def call(*arguments: Any, **options: Any) -> Any:
        return wrapper(original, *arguments, **options)

    setattr(target, last, call)


def kill_at(point: str, *, given: str, within: str, nth: int, moment: str) -> None:
    """Make a call kill the process."""
    calls, begun = itertools.count(1), threading.Event()

    def begin(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        begun.set()
        return original(*arguments, **options)

    def die(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if begun.is_set() and given in repr((arguments, options)) and next(calls) == nth:
            if moment == "halfway":
                content = next(part for part in arguments if isinstance(part, bytes))
                half = content[: len(content) // 2]
                original(*(half if part is content else part for part in arguments))
            elif moment == "after":
                original(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    wrap(point, die)
    if within:
        wrap(within, begin)
    else:
        begun.set()


def run(command: dict[str, Any]) -> None:
    """Be the command: never returns."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        file = os.open(f"{command['output']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
    os.environ["GENEMAMBA_HOME"] = command["home"]
    sys.argv = ["genemamba", *command["arguments"]]
    if command["fault"]:
        kill_at(**command["fault"])
    code = 1
    try:
        main()
    except SystemExit as ending:
        code = int(ending.code or 0)
    except BaseException:  # noqa: BLE001  # told as the interpreter would tell it
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    # An ordinary end would first take apart all that the parent imported.
    os._exit(code)


def result(command: dict[str, Any], process: int) -> tuple[int, str, str]:
    """Wait for a command; return its code, as `subprocess` does, and what it wrote."""
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    written = [Path(f"{command['output']}.{name}").read_text() for name in ("stdout", "stderr")]
    return code, *written


def serve() -> None:
    """Answer until standard input ends."""
    load_reference()
    canonical_csr(csr_matrix(np.eye(2)))  # which loads the compiler
    genemamba.atlas.ingest.storing.write_store.__kwdefaults__["shard_nnz"] = SHARD_NNZ
    for line in sys.stdin:
        commands, processes = json.loads(line), []
        for command in commands:
            processes.append(os.fork())
            if not processes[-1]:
                run(command)
        results = [result(*pair) for pair in zip(commands, processes, strict=True)]
        sys.stdout.write(json.dumps(results) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
