"""What a deposit says of its title, source and licence, in the ``uns`` of an AnnData file."""

import warnings
from pathlib import Path
from typing import Final

import h5py
from anndata.io import read_elem

from genemamba.atlas.sources.elements import open_elements

TERM_KEYS: Final = {
    "title": "title",
    "source": "source",
    "citation": "citation",
    "license": "licence",
    "licence": "licence",
}
"""Keys of ``uns`` that are looked for, and the name that each is kept under."""

MAX_LENGTH: Final = 500
"""Signs that are kept of a text."""


def read_terms(path: Path) -> dict[str, str]:
    """Read what a deposit says of itself, word for word.

    Parameters
    ----------
    path
        A local deposit; one that is no AnnData file says nothing.

    Returns
    -------
    Texts by name, of those that there are.

    Raises
    ------
    SourceError
        The file is damaged.
    """
    is_zarr = any((path / name).is_file() for name in ("zarr.json", ".zgroup"))
    if not is_zarr and not (path.is_file() and h5py.is_hdf5(path)):
        return {}
    with open_elements(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # files of older anndata versions are read on purpose
        uns = file["uns"] if "uns" in file and hasattr(file["uns"], "keys") else {}
        found = {
            name: read_elem(uns[key])
            for key, name in TERM_KEYS.items()
            if key in uns and getattr(uns[key], "shape", None) == ()
        }
    texts = {
        name: " ".join(value.split()) for name, value in found.items() if isinstance(value, str)
    }
    return {name: text[:MAX_LENGTH] for name, text in texts.items() if text}
