"""NumPy's files, read by several threads at once.

A file's header is a Python literal, and CPython before 3.11.8 and 3.12.2 fails with a SystemError where
two threads parse one at the same time (CPython issue 106905). So they take turns.
"""

import threading
from pathlib import Path
from typing import Final

import numpy as np

_TURN: Final = threading.Lock()


def map_array(path: Path) -> np.ndarray:
    """Open an ``.npy`` file without reading it into memory.

    Parameters
    ----------
    path
        Of the file.
    """
    with _TURN:
        array: np.ndarray = np.load(path, mmap_mode="r")
    return array


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz`` file.

    Parameters
    ----------
    path
        Of the file.
    """
    with _TURN, np.load(path) as arrays:
        return dict(arrays)
