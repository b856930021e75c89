"""The matrices: how they are stored, and whether there are counts, read block by block."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.sources.elements import open_elements
from genemamba.atlas.sources.matrices import CscElement, CsrElement, DenseElement, open_matrix
from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.reporting import column, error, warning
from genemamba.atlas.standards.cellxgene.spatial import Chip
from genemamba.findings import Finding

MAX_DENSE: Final = 0.5
"""A matrix with a larger share of zeros must be sparse."""

DIGEST: Final = np.dtype("S16")
"""128 bits: no accidental clash among 1e9 cells."""

Rows = CsrElement | DenseElement
"""A matrix that can be read by cells."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What one pass over a matrix adds up."""

    n_vars: int
    """Genes."""
    dtype: np.dtype
    """Type of the stored values."""
    sums: np.ndarray = field(init=False)
    """Sum of each gene, shape ``(n_vars,)``."""
    nonzero: np.ndarray = field(init=False)
    """Cells in which each gene is not zero, shape ``(n_vars,)``."""
    lengths: list[np.ndarray] = field(default_factory=list)
    """Values of each cell that are not zero."""
    digests: list[np.ndarray] = field(default_factory=list)
    """One for the values of each cell, `DIGEST`."""
    n_wrong: int = 0
    """Values that are no counts."""

    def __post_init__(self) -> None:
        self.sums, self.nonzero = np.zeros(self.n_vars), np.zeros(self.n_vars, dtype=np.int64)

    def add(self, rows: csr_matrix, *, counts: bool) -> None:
        """Add some cells; only where they should be ``counts`` is every value looked at."""
        self.sums += np.bincount(rows.indices, weights=rows.data, minlength=self.n_vars)
        self.nonzero += np.bincount(rows.indices, minlength=self.n_vars)
        if counts:
            self.lengths.append(np.diff(rows.indptr))
            self.n_wrong += int(np.count_nonzero((rows.data % 1 > 0) | (rows.data < 0)))
            self.digests.append(_digests(rows))


def check_matrices(
    deposit: SchemaDeposit, *, needs_counts: bool, chip: Chip | None
) -> Iterator[Finding]:
    """Check ``X``, ``raw`` and the layers.

    Parameters
    ----------
    deposit
        What to check.
    needs_counts
        Whether some assay must come with counts.
    chip
        The capture area, where the deposit is one Visium section.

    Raises
    ------
    SourceError
        The file is damaged.
    """
    matrices: dict[str, Rows] = {}
    for place, element in _places(deposit).items():
        stored = open_matrix(deposit.path, element)
        if stored is None:
            yield error(place, "format", "is missing, or neither a dense array nor CSR.")
        elif isinstance(stored, CscElement):
            message = "is stored as CSC, not as CSR."
            yield error(place, "format", message, remedy=f"Use scipy.sparse.csr_matrix({place}).")
        else:
            matrices[place] = stored
            yield from _check_density(place, stored)
    raw = "X" if deposit.raw_var is None else "raw.X"
    if deposit.raw_var is not None:
        yield from _check_fit(deposit, matrices)
    tallies = {
        place: _tally(deposit, matrices[place], counts=place == raw)
        for place in dict.fromkeys(("X", raw))
        if place in matrices
    }
    if raw in tallies:
        yield from _check_doubles(deposit, raw, tallies[raw])
        if needs_counts:
            yield from _check_counts(deposit, raw, tallies[raw], chip)
    if raw == "raw.X" and {"X", raw} <= tallies.keys():
        yield from _check_filtered(deposit, tallies["X"], tallies[raw])


def _places(deposit: SchemaDeposit) -> dict[str, str]:
    places = {"X": "X"}
    if deposit.raw_var is not None:
        places["raw.X"] = "raw/X"
    return places | {column(name, table="layers"): f"layers/{name}" for name in deposit.layers}


def _check_density(place: str, matrix: Rows) -> Iterator[Finding]:
    size = matrix.shape[0] * matrix.shape[1]
    if isinstance(matrix, DenseElement) and size:
        filled = sum(matrix.rows(*block).nnz for block in matrix.blocks())
        if 1 - filled / size > MAX_DENSE:
            message = f"is dense, while {1 - filled / size:.0%} of it are zeros."
            yield error(place, "dense", message, remedy=f"Use scipy.sparse.csr_matrix({place}).")


def _check_fit(deposit: SchemaDeposit, matrices: dict[str, Rows]) -> Iterator[Finding]:
    raw_var, var = deposit.raw_var, deposit.var
    if raw_var is None:
        return
    if len(raw_var) != len(var):
        yield error("raw.var", "size", f"has {len(raw_var)} genes, and var {len(var)}.")
    elif not (raw_var.index == var.index).all():
        count = int((raw_var.index != var.index).sum())
        yield error("raw.var", "order", "does not name the genes of var.", count=count)
    raw = matrices.get("raw.X")
    if raw is not None and raw.shape[0] != len(deposit.obs):
        yield error("raw.X", "rows", f"has {raw.shape[0]} cells, and obs {len(deposit.obs)}.")


def _tally(deposit: SchemaDeposit, matrix: Rows, *, counts: bool) -> Tally:
    with open_elements(deposit.path) as file:
        node = file[matrix.element]
        dtype = np.dtype((node if hasattr(node, "dtype") else node["data"]).dtype)
    tally = Tally(n_vars=matrix.shape[1], dtype=dtype)
    for block in matrix.blocks():
        tally.add(matrix.rows(*block), counts=counts)
    return tally


def _digests(rows: csr_matrix) -> np.ndarray:
    indices = rows.indices.astype(np.int32, copy=False)
    found = np.empty(rows.shape[0], dtype=DIGEST)
    for row, (low, high) in enumerate(itertools.pairwise(rows.indptr.tolist())):
        digest = hashlib.blake2b(indices[low:high].tobytes(), digest_size=DIGEST.itemsize)
        digest.update(rows.data[low:high].tobytes())
        found[row] = digest.digest()
    return found


def _check_doubles(deposit: SchemaDeposit, place: str, tally: Tally) -> Iterator[Finding]:
    digests = np.concatenate([np.empty(0, dtype=DIGEST), *tally.digests])
    if "in_tissue" in deposit.obs and len(digests) == len(deposit.obs):
        digests = digests[(deposit.obs["in_tissue"] != 0).to_numpy()]
    _, found = np.unique(digests, return_counts=True)
    doubled = int(found[found > 1].sum())
    if doubled:
        message = f"holds {doubled} cells whose counts another one has too."
        yield error(place, "duplicates", message, count=doubled, remedy="Keep one of each.")


def _check_counts(
    deposit: SchemaDeposit, place: str, tally: Tally, chip: Chip | None
) -> Iterator[Finding]:
    if tally.dtype != np.float32:
        yield error(place, "type", f"must hold the raw counts as float32, not {tally.dtype}.")
        return
    lengths = np.concatenate([np.zeros(0, dtype=np.int64), *tally.lengths])
    if chip is not None and len(lengths) != chip.n_spots:
        message = f"must hold all {chip.n_spots} spots of the section, not {len(lengths)}."
        yield error(place, "spots", message)
    under = deposit.obs["in_tissue"].to_numpy() if "in_tissue" in deposit.obs else np.ones(1)
    if chip is not None and (under == 0).any() and len(under) == len(lengths):
        if not (lengths[under == 0] > 0).any():
            yield error(place, "empty-background", "holds no counts outside the tissue.")
        lengths = lengths[under == 1]
    empty = int((lengths == 0).sum())
    if empty:
        yield error(place, "empty-cells", f"holds {empty} cells without counts.", count=empty)
    if tally.n_wrong:
        message = f"should hold raw counts, and holds {tally.n_wrong} values that are none."
        yield error(place, "not-counts", message, count=tally.n_wrong)
    elif place == "X" and not empty:
        yield warning(place, "counts-only", "holds counts, and there are no normalised values.")


def _check_filtered(deposit: SchemaDeposit, values: Tally, raw: Tally) -> Iterator[Finding]:
    flags = deposit.var.get("feature_is_filtered")
    if flags is None or flags.dtype != bool or not len(flags) == values.n_vars == raw.n_vars:
        return
    place, filtered = column("feature_is_filtered", table="var"), flags.to_numpy()
    lost = (values.sums == 0) & (raw.sums != 0) & ~filtered
    if lost.any():
        message = f"is False for {int(lost.sum())} genes that X has lost."
        examples = flags.index[lost]
        yield warning(place, "lost-genes", message, count=int(lost.sum()), examples=examples)
    kept = filtered & (values.nonzero > 0)
    if kept.any():
        message = f"is True for {int(kept.sum())} genes that X has values of."
        examples = flags.index[kept]
        yield warning(place, "kept-genes", message, count=int(kept.sum()), examples=examples)
