"""Versions of series and models, found by the names that users give them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from genemamba.catalog.artifact_tables import (
    ArtifactRow,
    DatasetRow,
    DatasetVersionRow,
    ModelVersionRow,
)
from genemamba.errors import CatalogError

ATLAS: Final = "atlas"
"""Kind of the series that a bare name means."""

MODEL: Final = "model"
"""Stands for the kind where a name means a model."""

HEX_PREFIX: Final = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")
"""A digest, whole or begun; under 8 digits a name is likelier."""

MAX_LISTED: Final = 10
"""Candidates named in an error; more than that nobody reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionRef:
    """``[kind:]name[@number]``, taken apart."""

    kind: str | None
    """Kind of the series; None where the user named none."""
    name: str
    """Name of the series."""
    version_no: int | None
    """Number of the version; None means the latest."""


def parse_version(ref: str) -> VersionRef:
    """Take ``[kind:]name[@number]`` apart."""
    kind, _, rest = ref.rpartition(":")
    name, _, number = rest.rpartition("@")
    if not name or not number.isdecimal():
        return VersionRef(kind=kind or None, name=rest, version_no=None)
    return VersionRef(kind=kind or None, name=name, version_no=int(number))


def resolve_dataset_version(session: Session, ref: str, *, kind: str = ATLAS) -> DatasetVersionRow:
    """Find a version of a series; the latest, where the reference has no number.

    Raises
    ------
    CatalogError
        There is none.
    """
    wanted = parse_version(ref)
    rows = find_dataset_versions(session, wanted, kind=wanted.kind or kind)
    if not rows:
        raise unknown(session, f"a version of kind {wanted.kind or kind!r}", ref)
    return rows[-1]


def resolve_model_version(session: Session, ref: str) -> ModelVersionRow:
    """Find a version of a model by name or digest; the latest, where there is no number.

    Raises
    ------
    CatalogError
        There is none, or the digest fits several.
    """
    wanted = parse_version(ref)
    rows = find_model_versions(session, wanted) if wanted.kind in {None, MODEL} else []
    if rows:
        return rows[-1]
    prefix = HEX_PREFIX.fullmatch(ref)
    if prefix:
        starts = ArtifactRow.digest.startswith(f"sha256:{prefix[1]}")
        rows = list(
            session.scalars(sa.select(ModelVersionRow).join(ModelVersionRow.artifact).where(starts))
        )
    if len(rows) > 1:
        raise ambiguous(ref, [f"model:{row.name}@{row.version_no}" for row in rows])
    if not rows:
        raise unknown(session, "a model version", ref)
    return rows[0]


def find_dataset_versions(
    session: Session, wanted: VersionRef, *, kind: str
) -> Sequence[DatasetVersionRow]:
    """Find the versions of a series that a reference fits, the first one first."""
    statement = (
        sa.select(DatasetVersionRow)
        .join(DatasetRow)
        .where(DatasetRow.kind == kind, DatasetRow.name == wanted.name)
        .order_by(DatasetVersionRow.version_no)
    )
    if wanted.version_no is not None:
        statement = statement.where(DatasetVersionRow.version_no == wanted.version_no)
    return session.scalars(statement).all()


def find_model_versions(session: Session, wanted: VersionRef) -> Sequence[ModelVersionRow]:
    """Find the versions of a model that a reference fits, the first one first."""
    statement = (
        sa.select(ModelVersionRow)
        .where(ModelVersionRow.name == wanted.name)
        .order_by(ModelVersionRow.version_no)
    )
    if wanted.version_no is not None:
        statement = statement.where(ModelVersionRow.version_no == wanted.version_no)
    return session.scalars(statement).all()


def ambiguous(ref: str, labels: Sequence[str]) -> CatalogError:
    """Say that a reference means several things, and which."""
    msg = f"Expected one meaning of {ref!r}, found {len(labels)}: {_listed(labels)}. Name one."
    return CatalogError(msg)


def unknown(session: Session, expected: str, ref: str) -> CatalogError:
    """Say that a reference means nothing, and what is known."""
    return CatalogError(f"Expected {expected}, found {ref!r}. Known: {known_names(session)}.")


def known_names(session: Session) -> str:
    """List every series and model with its latest version, for an error message."""
    last = sa.func.max(DatasetVersionRow.version_no)
    series = session.execute(
        sa.select(DatasetRow.kind, DatasetRow.name, last)
        .join(DatasetVersionRow)
        .group_by(DatasetRow.kind, DatasetRow.name)
    )
    models = session.execute(
        sa.select(ModelVersionRow.name, sa.func.max(ModelVersionRow.version_no)).group_by(
            ModelVersionRow.name
        )
    )
    labels = [f"{kind}:{name}@{number}" for kind, name, number in series]
    labels += [f"{MODEL}:{name}@{number}" for name, number in models]
    return _listed(sorted(labels)) or "nothing yet"


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MAX_LISTED} more" if len(labels) > MAX_LISTED else ""
    return ", ".join(labels[:MAX_LISTED]) + more
