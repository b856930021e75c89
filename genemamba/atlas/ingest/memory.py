"""How much is read at a time and by how many threads, so that ingest keeps to a memory bound."""

import os
import re
from dataclasses import dataclass
from typing import Final

from genemamba.atlas.geometry import SHARD_NNZ
from genemamba.atlas.options import DoubletChoice
from genemamba.errors import InputError

DEFAULT_MEMORY: Final = 2 * 1024**3
"""Bytes that ingest may use where the user names no other bound."""

BASE_BYTES: Final = 704 * 1024**2
"""What the process takes before it reads a value: the interpreter, its libraries, the flow
(640 to 675 MiB measured)."""

BYTES_PER_VALUE: Final = 96
"""Peak of a block for each stored value: as read, as float64, renamed, and the copies that
recovering counts from logarithms makes."""

SHARD_BYTES: Final = 12 * SHARD_NNZ
"""What a thread holds of a shard: the encoded values and indices, at worst as large as they were,
and one of the two once more while it is put together."""

DOUBLET_BYTES: Final = 1024**3
"""What the scoring of doublets takes besides: scanpy, and the simulated doublets of a part."""

MIN_BLOCK_NNZ: Final = 128 * 1024
"""Stored values a block holds at least; a single cell can have that many."""

MAX_BLOCK_NNZ: Final = 2 * 1024 * 1024
"""More than this makes nothing faster."""

MAX_THREADS: Final = 8
"""Threads that read and write at once; reading HDF5 is serial."""

UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
"""By the first letter of the unit, in lower case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryPlan:
    """Sizes that keep to a bound."""

    n_threads: int
    """Threads that read and write at once."""
    block_nnz: int
    """Stored values that each reads at a time."""


def plan_memory(limit: int = DEFAULT_MEMORY, *, n_cores: int | None = None) -> MemoryPlan:
    """Divide a bound among threads.

    Parameters
    ----------
    limit
        Bytes that the process may use in all.
    n_cores
        Cores to use; those this process may use by default.

    Raises
    ------
    InputError
        The bound is too low for one thread.
    """
    cores = n_cores or len(os.sched_getaffinity(0))
    least = BASE_BYTES + SHARD_BYTES + MIN_BLOCK_NNZ * BYTES_PER_VALUE
    if limit < least:
        raise InputError(
            expected=f"at least {-(-least // 1024**2)} MiB of memory",
            found=f"a bound of {limit // 1024**2} MiB",
            remedy="Raise --memory, such as --memory 2GiB.",
            rule="memory-too-low",
        )
    for n_threads in range(min(cores, MAX_THREADS), 0, -1):
        share = (limit - BASE_BYTES) // n_threads - SHARD_BYTES
        block_nnz = min(share // BYTES_PER_VALUE, MAX_BLOCK_NNZ)
        if block_nnz >= MAX_BLOCK_NNZ // 8 or n_threads == 1:
            return MemoryPlan(n_threads=n_threads, block_nnz=int(block_nnz))
    raise AssertionError


def settle_doublets(choice: DoubletChoice, limit: int) -> DoubletChoice:
    """Return whether doublets are scored, given how many bytes the process may use.

    Where the user leaves it open and there is not enough memory for it, they are not.

    Parameters
    ----------
    choice
        What the user says.
    limit
        Bytes that the process may use in all.

    Raises
    ------
    InputError
        The user asks for them, and the bound is too low.
    """
    least = BASE_BYTES + DOUBLET_BYTES
    if limit >= least or choice == "no":
        return choice
    if choice == "auto":
        return "no"
    raise InputError(
        expected=f"at least {least // 1024**2} MiB of memory to score doublets",
        found=f"a bound of {limit // 1024**2} MiB",
        remedy="Raise --memory, such as --memory 2GiB, or leave out --doublets.",
        rule="memory-too-low",
    )


def parse_memory(text: str) -> int:
    """Return a size such as ``2GiB``, ``1500M`` or ``3221225472`` in bytes.

    Parameters
    ----------
    text
        A number, and a unit of powers of 1024.

    Raises
    ------
    InputError
        It is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise InputError(
            expected="a size such as 2GiB",
            found=repr(text),
            remedy="Write for example --memory 2GiB.",
            rule="memory-unreadable",
        )
    return int(float(found[1]) * UNITS[found[2].lower()])
