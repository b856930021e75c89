"""A split on disk: who is learnt from and who is scored, by cell, under a digest."""

import gzip
import json
from dataclasses import replace
from io import StringIO
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from genemamba import keys
from genemamba.errors import InputError, SchemaError, SourceError
from genemamba.evaluation.annotation.folds import DRAWN, Fold, Split, SplitKind
from genemamba.evaluation.annotation.protocols import column_values, donors_of
from genemamba.evaluation.annotation.split_checks import (
    copies_on_both_sides,
    donors_on_both_sides,
    untaught_folds,
)
from genemamba.provenance import canonical_json, sha256_text
from genemamba.storage import split_url

FORMAT: Final = "genemamba split 1"
"""First words of a file, so that another table is not taken for a split."""

SUFFIX: Final = ".tsv.gz"
"""A gzipped table: its first line is the description, its second names the columns, and each other
line has a cell's id and its role in each fold: ``train``, ``test``, or none."""

DIGEST: Final = "digest"
"""Field of the description: sha256 over the rest of it and all lines after it."""


def split_bytes(split: Split, cell_ids: npt.ArrayLike) -> bytes:
    """Return the file of a split; equal splits give equal bytes.

    Parameters
    ----------
    split
        The split.
    cell_ids
        `keys.CELL_ID` of every cell of the atlas version, shape ``(n_obs,)``.
    """
    ids = np.asarray(cell_ids, dtype=object)
    roles = np.full((len(ids), len(split.folds)), "", dtype=object)
    for number, fold in enumerate(split.folds):
        roles[fold.train, number] = "train"
        roles[fold.test, number] = "test"
    takes_part = (roles != "").any(axis=1)
    table = pd.DataFrame(roles[takes_part], index=pd.Index(ids[takes_part], name=keys.CELL_ID))
    table.columns = [f"fold_{number}" for number in range(len(split.folds))]
    body = table.to_csv(sep="\t", lineterminator="\n")
    description = {
        "kind": split.kind,
        "seed": split.seed,
        "columns": dict(split.columns),
        "folds": [fold.name for fold in split.folds],
        "n_labelled": split.n_labelled,
        "n_groups": split.n_groups,
        "n_copies": split.n_copies,
    }
    head = canonical_json({**description, DIGEST: _digest(description, body)})
    return gzip.compress(f"{FORMAT}\t{head}\n{body}".encode(), mtime=0)


def read_split(url: str, obs: pd.DataFrame, *, donor_key: str | None = None) -> Split:
    """Read a split and check that it can be asked of an atlas version.

    Parameters
    ----------
    url
        Path or URL of the file.
    obs
        Cells of the atlas version.
    donor_key
        Column of donors, instead of the one that the split was made with.

    Raises
    ------
    SourceError
        The file is not a split, or was changed since it was written.
    SchemaError
        Its cells are not in the atlas version, or have no label there; a fold leaves fewer than two
        types to learn from; or a copy of a cell, or a donor whose column is known, is on both sides
        of a fold.
    """
    description, table = _read(url)
    position = pd.Index(obs.index).get_indexer(pd.Index(table.index))
    if (position < 0).any():
        raise _absent(table.index[position < 0].tolist(), len(table))
    split = Split(
        kind=description["kind"],
        folds=tuple(
            Fold(
                name,
                np.sort(position[table[column].to_numpy() == "train"]),
                np.sort(position[table[column].to_numpy() == "test"]),
            )
            for name, column in zip(description["folds"], table.columns, strict=True)
        ),
        **{name: description[name] for name in ("n_labelled", "n_groups", "n_copies")},
        seed=description["seed"],
        columns=description["columns"],
    )
    if donor_key is not None:
        split = replace(split, columns={**split.columns, "donor": donor_key})
    _check(split, obs, every_kind=donor_key is not None)
    return split


def _check(split: Split, obs: pd.DataFrame, *, every_kind: bool) -> None:
    """Refuse a split that an atlas version cannot be asked about."""
    labels = obs[keys.CELL_TYPE].to_numpy(dtype=str)
    donor = donors_of(obs, split.columns)
    problems: list[InputError | None] = [
        _unlabelled(split, labels, obs),
        _unscored(split),
        untaught_folds(split, labels),
        copies_on_both_sides(split, column_values(obs, keys.CONTENT_HASH)),
    ]
    if donor is not None and (every_kind or split.kind not in DRAWN):
        problems.append(donors_on_both_sides(split, donor))
    for problem in problems:
        if problem is not None:
            raise problem


def _digest(description: dict[str, Any], body: str) -> str:
    return sha256_text(f"{canonical_json(description)}\n{body}")


def _read(url: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the description and the table of roles, index = cell id."""
    fs, path = split_url(url)
    try:
        text = gzip.decompress(fs.cat_file(path)).decode()
        head, _, body = text.partition("\n")
        kind, _, stated = head.partition("\t")
        description = json.loads(stated) if kind == FORMAT else None
    except (OSError, EOFError, ValueError) as error:
        raise _no_split(url, f"{type(error).__name__}: {error}") from error
    if description is None:
        raise _no_split(url, f"a file that begins with {head[:40]!r}")
    recorded = description.pop(DIGEST, None)
    found = _digest(description, body)
    if recorded != found:
        raise SourceError(
            expected=f"the split {url} as it was written, with digest {recorded}",
            found=f"another content, with digest {found}",
            remedy="Take the file as genemamba wrote it, or split anew.",
            rule="split-changed",
        )
    if description["kind"] not in get_args(SplitKind):
        raise _no_split(url, f"the kind {description['kind']!r}")
    roles = pd.read_csv(StringIO(body), sep="\t", dtype=str, keep_default_na=False, index_col=0)
    return description, roles


def _no_split(url: str, found: str) -> SourceError:
    return SourceError(
        expected=f"{url} to be a split that genemamba wrote ({SUFFIX})",
        found=found,
        remedy="Name such a file, or leave --split out and name what to --hold-out.",
        rule="split-unreadable",
    )


def _absent(cells: list[str], n_cells: int) -> SchemaError:
    return SchemaError(
        expected="every cell of the split in the atlas version",
        found=f"{len(cells):,} of {n_cells:,} absent, such as '{cells[0]}'",
        remedy="Evaluate the version that the split was made of, or split anew.",
        rule="split-cells-absent",
        count=len(cells),
        examples=cells[:3],
    )


def _unlabelled(
    split: Split, labels: npt.NDArray[np.str_], obs: pd.DataFrame
) -> SchemaError | None:
    rows = np.unique(np.concatenate([part for fold in split.folds for part in fold[1:]]))
    bare = rows[labels[rows] == keys.UNKNOWN]
    if not len(bare):
        return None
    examples = [str(name) for name in obs.index[bare[:3]]]
    return SchemaError(
        expected="a label for every cell of the split",
        found=f"{len(bare):,} of {len(rows):,} without, such as '{examples[0]}'",
        remedy="Evaluate the version that the split was made of, or split anew.",
        rule="split-cells-unlabelled",
        count=len(bare),
        examples=examples,
    )


def _unscored(split: Split) -> SchemaError | None:
    empty = [fold.name for fold in split.folds if not len(fold.test)]
    if split.folds and not empty:
        return None
    return SchemaError(
        expected="cells to score in every fold",
        found=f"none where '{empty[0]}' is held out" if empty else "no fold",
        remedy="Split anew.",
        rule="split-nothing-scored",
        count=len(empty) or 1,
        examples=empty[:3],
    )
