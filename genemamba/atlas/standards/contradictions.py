"""Contradictions between ``X`` and the raw counts that a deposit has beside it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from genemamba.atlas.sources.anndata_files import PLACES, AnnDataSource, by_cells
from genemamba.atlas.sources.counts import INTEGER_SHARE, Scale, recognise_scale
from genemamba.atlas.sources.elements import open_elements
from genemamba.atlas.sources.matrices import Matrix, open_matrix
from genemamba.atlas.sparse import BLOCK_NNZ
from genemamba.atlas.standards.correspondence import Correspondence
from genemamba.findings import MAX_EXAMPLES, Finding

CROSSED: Final = 0.2
"""Share of pairs that fit as well when exchanged, from which on cells and raw counts are no pairs.
It is some 0.5 where they were paired by chance, and below 0.01 in every transform that was tried
(per-gene factors, smoothing over neighbours, reconstruction from components)."""

MISPLACED: Final = 0.1
"""Share of the cells that do not fit, from which on those that fit elsewhere are no accident."""

MAX_NNZ: Final = BLOCK_NNZ // 4
"""Stored values of a block: comparing takes a dozen arrays of that length, 100 MB."""

MIN_MATCHED: Final = 0.5
"""Share of the genes of ``X`` that must be found in raw by name."""


class _Opened(NamedTuple):
    location: str
    matrix: Matrix
    var: pd.DataFrame


def compare_x_and_raw(path: Path, *, scratch: Path) -> list[Finding]:
    """Compare ``X`` with ``raw`` and with ``layers["counts"]``, every cell of them.

    An error where the cells of one are not those of the other, or their sizes differ: the labels
    of the cells are right for one of them at most. A warning where one is not what its name says,
    or ``X`` was changed in a way that its raw counts do not explain: the counts can be used.

    Parameters
    ----------
    path
        An h5ad file, or an AnnData Zarr folder.
    scratch
        Folder in which a matrix stored by gene is turned round.

    Returns
    -------
    What was found; nothing where there is only one matrix.

    Raises
    ------
    SourceError
        The file is damaged.
    StorageError
        The scratch folder cannot be written.
    """
    source = AnnDataSource(path=path)
    misfits = list(_sizes(path, source.cells().n_obs))
    if misfits:
        return misfits
    found = {
        one.location: _Opened(one.location, by_cells(one, scratch), one.var)
        for one in source.candidates(scratch=scratch)
    }
    x = found.pop("X", None)
    if x is None:
        return []
    return [finding for raw in found.values() for finding in _compare(x, raw)]


def _sizes(path: Path, n_obs: int) -> Iterator[Finding]:
    for location, element, table in PLACES:
        stored = open_matrix(path, element)
        if stored is None:
            continue
        expected = (n_obs, _n_genes(path, table))
        if expected[1] is not None and stored.shape != expected:
            yield Finding(
                rule="raw-size" if element.startswith("raw") else "matrix-size",
                severity="error",
                message=f"{location} has {stored.shape[0]} cells and {stored.shape[1]} genes, "
                f"while its tables have {expected[0]} and {expected[1]}.",
                count=max(abs(stored.shape[0] - expected[0]), 1),
                remedy="Give it the cells and the genes of its tables, or remove it.",
            )


def _n_genes(path: Path, table: str) -> int | None:
    """Return the rows of a table; None where anndata before 0.8 kept it otherwise."""
    with open_elements(path) as file:
        group = file.get(table)
        if group is None or hasattr(group, "dtype"):
            return None if group is None else int(group.shape[0])
        index = group.get(str(group.attrs.get("_index", "_index")))
        return None if index is None or not hasattr(index, "shape") else int(index.shape[0])


def _compare(x: _Opened, raw: _Opened) -> Iterator[Finding]:
    columns = _columns(x.var, raw.var)
    matched = columns >= 0
    if not len(columns) or np.mean(matched) < MIN_MATCHED:
        message = f"X was not compared with {raw.location}: {int(matched.sum())} of {len(columns)} "
        yield _note("x-not-compared", message + "genes have the same names in both.")
        return
    tally = Correspondence(n_vars=int(matched.sum()))
    whole, stored = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
    for start, stop in _blocks(x, raw):
        blocks = x.matrix.rows(start, stop), raw.matrix.rows(start, stop)
        for place, block in enumerate(blocks):
            if (block.data < 0).any() or not np.isfinite(block.data).all():
                location = (x, raw)[place].location
                message = f"X was not compared with {raw.location}: {location} holds negative "
                yield _note("x-scaled", message + "values or none, as after scaling.")
                return
            whole[place] += np.count_nonzero(block.data == np.rint(block.data))
            stored[place] += block.nnz
        raw_rows = _genes(blocks[1], columns[matched])
        x_rows = blocks[0] if matched.all() else _genes(blocks[0], np.flatnonzero(matched))
        tally.add(x_rows, raw_rows, first_row=start)
    x_counts, raw_counts = (whole >= INTEGER_SHARE * np.maximum(stored, 1)).tolist()
    if x_counts and not raw_counts:
        yield _warning(
            "raw-not-counts",
            f"X holds counts, and {raw.location} values that are none.",
            remedy="Exchange them.",
        )
    raw_scale = None if raw_counts else recognise_scale(raw.matrix) if stored[1] else None
    yield from _judge(tally, raw.location, raw_scale)


def _blocks(x: _Opened, raw: _Opened) -> Iterator[tuple[int, int]]:
    """Cut the cells so that a block is bounded in both matrices."""
    bounds = {0}
    for one in (x, raw):
        bounds.update(block.stop for block in one.matrix.blocks(max_nnz=MAX_NNZ))
    ordered = sorted(bounds)
    yield from itertools.pairwise(ordered)


def _columns(var: pd.DataFrame, raw_var: pd.DataFrame) -> np.ndarray:
    """Return where each gene of X lies in raw, -1 where its name is not there exactly once."""
    if var.index.equals(raw_var.index):
        return np.arange(len(var))
    once = ~raw_var.index.duplicated(keep=False)
    places = pd.Series(np.flatnonzero(once), index=raw_var.index[once])
    found = places.reindex(var.index[~var.index.duplicated(keep=False)])
    columns = found.reindex(var.index) if found.index.is_unique else found
    return columns.fillna(-1).to_numpy().astype(np.int64)


def _genes(block: csr_matrix, columns: np.ndarray) -> csr_matrix:
    if len(columns) == block.shape[1] and (columns == np.arange(len(columns))).all():
        return block
    chosen = block[:, columns]
    chosen.sort_indices()
    return chosen


def _judge(tally: Correspondence, location: str, raw_scale: Scale | None) -> Iterator[Finding]:
    twice = tally.n_logged if raw_scale == "log1p" else tally.n_forms["log twice"]
    if tally.n_obs and tally.n_equal == tally.n_obs:
        yield _warning(
            "x-equals-raw",
            f"X is equal to {location}: one of them is not what its name says.",
            count=tally.n_equal,
            remedy=f"Put normalised values into X, or remove {location}.",
        )
    elif twice > tally.n_telling / 2:
        yield _warning(
            "x-double-log",
            f"X is the logarithm of a logarithm of the counts in {twice} of {tally.n_telling} cells.",
            count=twice,
            remedy="Take the logarithm of the normalised counts once.",
        )
    if tally.other_cells:
        yield _from_elsewhere(tally, location)


def _from_elsewhere(tally: Correspondence, location: str) -> Finding:
    others, misplaced = tally.other_cells, tally.n_misplaced()
    n_others, reason = len(others), ""
    if misplaced >= MISPLACED * n_others:
        reason = f"{misplaced} of them have exactly the genes of another cell in {location}"
    elif tally.n_other_genes >= MISPLACED * n_others:
        reason = f"{tally.n_other_genes} of them have the same values for other genes"
    elif tally.n_pairs and tally.n_crossed >= CROSSED * tally.n_pairs:
        share = tally.n_crossed / tally.n_pairs
        reason = f"{share:.0%} of their pairs would fit as well if they were exchanged"
    message = f"The values of X are in another order than those of {location} in {n_others} of "
    message += f"{tally.n_obs} cells: "
    examples = tuple(f"cell {row}" for row in others[:MAX_EXAMPLES])
    if reason:
        return Finding(
            rule="x-from-another-matrix",
            severity="error",
            message=f"{message}{reason}.",
            count=n_others,
            examples=examples,
            remedy=f"Give X and {location} the same cells and genes in the same order.",
        )
    return Finding(
        rule="x-not-from-raw-alone",
        severity="warning",
        message=f"{message}they were corrected, imputed, or scaled by gene.",
        count=n_others,
        examples=examples,
        remedy="Say in the description of the deposit what was done to X.",
    )


def _warning(rule: str, message: str, *, remedy: str, count: int = 1) -> Finding:
    return Finding(rule=rule, severity="warning", message=message, count=count, remedy=remedy)


def _note(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity="note", message=message)
