"""Labels of new cell types that a person adds to an atlas: every row is checked before any work."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from genemamba import keys
from genemamba.annotation.label_file import BY_ID, LabelFile
from genemamba.annotation.label_spelling import respelt
from genemamba.errors import SchemaError
from genemamba.findings import MAX_EXAMPLES, Finding

MIN_CELLS: Final = 5
"""Labelled cells of a new type, at least: fewer say nothing about how its cells differ."""

ID_SEPARATOR: Final = ":"
"""Between a deposit's digest and the obs name in a `keys.CELL_ID`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AddedLabels:
    """Cells of an atlas version with the new types that they are of."""

    rows: npt.NDArray[np.intp]
    """Rows of the cells, ascending, shape ``(n_added,)``."""
    labels: npt.NDArray[np.object_]
    """New type of each, same shape."""
    findings: tuple[Finding, ...]
    """What is to be looked at."""

    @property
    def counts(self) -> dict[str, int]:
        """Cells by new type, sorted."""
        return dict(sorted(Counter(self.labels.tolist()).items()))


def match_added_labels(file: LabelFile, obs: pd.DataFrame, *, known: Sequence[str]) -> AddedLabels:
    """Find the cells of a file in an atlas version, or say all that is wrong with the file.

    Parameters
    ----------
    file
        What the user wrote.
    obs
        Cells of the version, index = `keys.CELL_ID`, with `keys.DEPOSIT` and `keys.CELL_TYPE`.
    known
        Types that the annotation knows already. Their cells are not learnt from: a finding.

    Raises
    ------
    SchemaError
        Cells are unknown or named twice, with one label or with two; a type has fewer than
        `MIN_CELLS` cells; a label is another one spelt otherwise, or `keys.UNKNOWN`; or there is
        no new type. The error names all of these, not the first alone.
    """
    rows = _find_cells(file, obs)
    labels = np.array(file.labels, dtype=object)
    wrong = [
        *_unknown_cells(file, rows),
        *_repeated_cells(file, rows, labels),
        *_wrong_labels(labels, known),
    ]
    if wrong:
        raise _refused(file, wrong)
    order = np.argsort(rows, kind="stable")
    rows, labels = rows[order], labels[order]
    is_new = ~np.isin(labels, list(known))
    findings = (
        *_known_types(labels[~is_new]),
        *_contradicted_authors(obs, rows[is_new], labels[is_new]),
    )
    return AddedLabels(rows=rows[is_new], labels=labels[is_new], findings=findings)


def _find_cells(file: LabelFile, obs: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the row of each cell, -1 where there is none."""
    if file.cell_columns == BY_ID:
        wanted = pd.Index([cell for (cell,) in file.cells])
        return np.asarray(obs.index.get_indexer(wanted), dtype=np.intp)
    names = obs.index.str.partition(ID_SEPARATOR).get_level_values(2)
    own = pd.MultiIndex.from_arrays([obs[keys.DEPOSIT].astype(str), names])
    # A cell that inherited its id bears the name it had first; two may bear one name then.
    rows = np.flatnonzero(~own.duplicated(keep=False))
    found = own[rows].get_indexer(pd.MultiIndex.from_tuples(file.cells))
    return np.where(found < 0, -1, np.append(rows, -1)[found]).astype(np.intp)


def _unknown_cells(file: LabelFile, rows: npt.NDArray[np.intp]) -> Iterator[Finding]:
    missing = [_shown(cell) for cell, row in zip(file.cells, rows, strict=True) if row < 0]
    if missing:
        yield _error(
            "labels-unknown-cell",
            f"{len(missing):,} of {len(rows):,} cells are not in this version",
            missing,
            "Take the ids from `genemamba export` of this version, or give the columns "
            "'deposit' and 'obs_name'.",
        )


def _repeated_cells(
    file: LabelFile, rows: npt.NDArray[np.intp], labels: npt.NDArray[np.object_]
) -> Iterator[Finding]:
    said: dict[int, list[str]] = {}
    shown = {int(row): _shown(cell) for cell, row in zip(file.cells, rows, strict=True)}
    for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
        if row >= 0:
            said.setdefault(row, []).append(label)
    torn = [
        f"{shown[row]} ({' and '.join(sorted(set(each)))})"
        for row, each in said.items()
        if len(set(each)) > 1
    ]
    twice = [shown[row] for row, each in said.items() if len(each) > 1 and len(set(each)) == 1]
    if torn:
        yield _error(
            "labels-contradict",
            f"{len(torn):,} cells have two labels",
            torn,
            "Keep the right one.",
        )
    if twice:
        yield _error(
            "labels-repeated",
            f"{len(twice):,} cells are named twice",
            twice,
            "Name each cell once.",
        )


def _wrong_labels(labels: npt.NDArray[np.object_], known: Sequence[str]) -> Iterator[Finding]:
    counts = Counter(labels.tolist())
    if counts.pop(keys.UNKNOWN, 0):
        yield _error(
            "labels-no-type",
            f"the label '{keys.UNKNOWN}' is no type",
            [keys.UNKNOWN],
            "Leave such rows out.",
        )
    new = sorted(set(counts) - set(known))
    spelt = respelt(new, known)
    if spelt:
        yield _error(
            "labels-respelt",
            f"{len(spelt)} labels are another one spelt otherwise",
            [f"'{label}' for '{holds}'" for label, holds in spelt.items()],
            "Spell them alike; a type of its own needs a name that tells it apart.",
        )
    few = [f"'{label}' has {counts[label]}" for label in new if counts[label] < MIN_CELLS]
    if few:
        yield _error(
            "labels-too-few",
            f"{len(few)} new types have fewer than {MIN_CELLS} cells",
            few,
            f"Label at least {MIN_CELLS} cells of each new type, or leave the type out.",
        )
    if not new:
        yield _error(
            "labels-nothing-new",
            "no label is new",
            sorted(counts),
            "Add cells of a type that the annotation does not know.",
        )


def _known_types(labels: npt.NDArray[np.object_]) -> Iterator[Finding]:
    if len(labels):
        counts = sorted(Counter(labels.tolist()).items())
        yield _warning(
            "labels-known-type",
            f"{len(labels):,} cells are of types that are known already; they are not learnt from.",
            len(labels),
            [f"'{label}': {n}" for label, n in counts],
        )


def _contradicted_authors(
    obs: pd.DataFrame, rows: npt.NDArray[np.intp], labels: npt.NDArray[np.object_]
) -> Iterator[Finding]:
    authors = obs[keys.CELL_TYPE].astype(str).to_numpy()[rows]
    other = (authors != keys.UNKNOWN) & (authors != labels)
    if other.any():
        cells = obs.index[rows[other]]
        yield _warning(
            "labels-against-author",
            f"{int(other.sum()):,} cells have another label of their authors, which the known "
            "types were learnt from.",
            int(other.sum()),
            [f"{cell} ('{author}')" for cell, author in zip(cells, authors[other], strict=True)],
        )


def _shown(cell: tuple[str, ...]) -> str:
    return " of ".join(reversed(cell))


def _error(rule: str, message: str, examples: Sequence[str], remedy: str) -> Finding:
    return Finding(
        rule=rule,
        severity="error",
        message=message,
        count=len(examples),
        examples=tuple(examples[:MAX_EXAMPLES]),
        remedy=remedy,
    )


def _warning(rule: str, message: str, count: int, examples: Iterable[str]) -> Finding:
    return Finding(
        rule=rule,
        severity="warning",
        message=message,
        count=count,
        examples=tuple(list(examples)[:MAX_EXAMPLES]),
        remedy="Look at them.",
    )


def _refused(file: LabelFile, wrong: Sequence[Finding]) -> SchemaError:
    said = [f"{each.message} ({', '.join(each.examples)})" for each in wrong]
    return SchemaError(
        expected=f"labels of new types in {file.name} that can be learnt from",
        found="; ".join(said),
        remedy=" ".join(each.remedy for each in wrong),
        rule=wrong[0].rule,
        count=sum(each.count for each in wrong),
        examples=wrong[0].examples,
    )
