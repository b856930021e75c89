"""What the user said about each deposit, settled over all of them before any is read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final

from genemamba.atlas.options import IngestOptions
from genemamba.atlas.sources.probe import peek_columns
from genemamba.errors import InputError, SchemaError
from genemamba.storage import is_local, split_url
from tasks.settings import DepositSettings

SUFFIXES: Final = re.compile(r"(\.(h5ad|h5|hdf5|zarr|loom|mtx|csv|tsv|txt|gz))+$", re.IGNORECASE)
"""Endings that say the format and are no part of a deposit's name."""

Columns = list[str] | None
"""Names of ``obs`` columns; None where the deposit cannot be opened."""


@dataclass(frozen=True, kw_only=True)
class DepositSpec:
    """A deposit as the user named it."""

    uri: str
    """Path or URL."""
    name: str
    """Name of the deposit in the atlas."""
    options: IngestOptions
    """Keys of its batches and labels."""
    columns: Columns = None
    """Names of its ``obs`` columns, as far as they could be read before the rest."""
    notes: list[str] = field(default_factory=list)
    """What was settled for it, and why."""


def describe_deposits(sources: Sequence[str], settings: DepositSettings) -> list[DepositSpec]:
    """Name the deposits and settle which columns each of them has.

    A key that only some of the deposits have is asked of those alone; one that none has is
    asked of all, so that each is refused with the columns it does have.

    Parameters
    ----------
    sources
        Paths or URLs.
    settings
        What the user says about all of them.

    Raises
    ------
    SchemaError
        ``trusted_labels`` has another form, or two deposits would have one name.
    """
    asked = IngestOptions(
        batch_key=settings.batch_key,
        label_key=settings.label_key,
        trusted_labels=_parse_trusted(settings.trusted_labels),
        layer=settings.layer,
        genome=settings.genome,
        doublets=settings.doublets,
    )
    columns = [_columns(uri) for uri in sources]
    return [
        _describe(uri, name, asked, own=own, every=columns)
        for uri, name, own in zip(sources, _names(sources), columns, strict=True)
    ]


def _describe(
    uri: str, name: str, asked: IngestOptions, *, own: Columns, every: Sequence[Columns]
) -> DepositSpec:
    trusted = asked.trusted_labels
    keys = [asked.batch_key, asked.label_key, trusted[0] if trusted else None]
    absent = [key for key in keys if key and _is_elsewhere_only(key, own, every)]
    options = replace(
        asked,
        batch_key=None if asked.batch_key in absent else asked.batch_key,
        label_key=None if asked.label_key in absent else asked.label_key,
        trusted_labels=None if trusted and trusted[0] in absent else trusted,
    )
    notes = [f"has no column {key!r}, which other deposits have" for key in absent]
    return DepositSpec(uri=_absolute(uri), name=name, options=options, columns=own, notes=notes)


def _is_elsewhere_only(key: str, own: Columns, every: Sequence[Columns]) -> bool:
    return own is not None and key not in own and any(key in other for other in every if other)


def _columns(uri: str) -> Columns:
    """Peek at the columns; None where ingest will say what is wrong with the deposit."""
    try:
        return peek_columns(uri)
    except (InputError, OSError, KeyError):
        return None


def _absolute(uri: str) -> str:
    return split_url(uri)[1] if is_local(uri) else uri


def _names(sources: Sequence[str]) -> list[str]:
    """Name deposits after their files, with as many folders in front as tell them apart.

    Files of one folder that differ in their endings alone keep them.
    """
    paths = [PurePosixPath(split_url(uri)[1].rstrip("/")) for uri in sources]
    stems = [path.parent / (SUFFIXES.sub("", path.name) or path.name) for path in paths]
    bases = [
        stem if stems.count(stem) == 1 else path for path, stem in zip(paths, stems, strict=True)
    ]
    names = [_clean(base.name) for base in bases]
    for depth in range(2, max(len(path.parts) for path in paths) + 1):
        clashing = {name for name in names if names.count(name) > 1}
        names = [
            _clean("-".join(base.parts[-depth:])) if name in clashing else name
            for base, name in zip(bases, names, strict=True)
        ]
    _refuse_doubled(names)
    return names


def _refuse_doubled(names: Sequence[str]) -> None:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SchemaError(
            expected="deposits that can be told apart by their names",
            found=f"several called {', '.join(doubled)}",
            remedy="Name each file once, and rename those that are called alike.",
        )


def _clean(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".-") or "deposit"


def _parse_trusted(text: str | None) -> tuple[str, tuple[str, ...]] | None:
    if text is None:
        return None
    column, _, listed = text.partition("=")
    values = tuple(value.strip() for value in listed.split(",") if value.strip())
    if not column or not values:
        raise SchemaError(
            expected="--trusted-labels COLUMN=VALUE[,VALUE...]",
            found=text,
            remedy="Write for example --trusted-labels label_source=FACS,author.",
        )
    return column, values
