"""GeneMamba Atlas: deposits of single cells become annotated, scored, recorded atlases."""

import importlib
from typing import Any, Final

__version__ = "0.1.0"

__all__ = ["__version__", "embed"]

_LAZY: Final = {"embed": "genemamba.inference.anndata_embedding"}
"""What the library offers at its root, and the module that has it: loaded when it is asked for,
since most commands need no model."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the module has
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
