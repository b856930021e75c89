"""Whether the cells of one matrix are those of another, counted block by block."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from genemamba.atlas.standards.value_forms import FORMS, Form, cell_forms, rises, same_ranks

N_PARTNERS: Final = 4
"""Other cells that a cell is compared with."""

MIN_GENES: Final = 10
"""Genes a cell must have for its set of genes to tell it from others."""

SEED: Final = 20240917
"""Of the numbers that stand for genes."""


@dataclass(kw_only=True, slots=True)
class Correspondence:
    """What the blocks of two matrices add up to."""

    n_vars: int
    """Genes of both."""
    n_obs: int = 0
    """Cells with a value in either."""
    n_equal: int = 0
    """Cells that are the same in both."""
    n_telling: int = 0
    """Cells with two raw values or more."""
    n_forms: dict[Form, int] = field(default_factory=lambda: {form: 0 for form, _ in FORMS})
    """Cells of these whose values have a form."""
    n_logged: int = 0
    """Cells of these that are ``log1p`` of the raw values, divided by nothing."""
    other_cells: list[int] = field(default_factory=list)
    """Rows whose values are no function of the raw ones that never falls."""
    n_pairs: int = 0
    """Pairs of such cells that were compared crosswise."""
    n_crossed: int = 0
    """Pairs whose raw values fit as well when exchanged."""
    n_other_genes: int = 0
    """Cells of `other_cells` whose values go with the raw ones when both are sorted."""
    _seen: np.ndarray = field(init=False)
    _numbers: np.ndarray = field(init=False)
    _sets: list[np.ndarray] = field(default_factory=list)
    _other_sets: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seen = np.zeros(self.n_vars, dtype=bool)
        rng = np.random.default_rng(SEED)
        self._numbers = rng.integers(1, 2**63, size=self.n_vars, dtype=np.uint64)

    def n_misplaced(self) -> int:
        """Count the cells of `other_cells` that have exactly the genes of another raw cell."""
        if not self._other_sets:
            return 0
        return int(np.isin(np.concatenate(self._other_sets), np.concatenate(self._sets)).sum())

    def add(self, values: csr_matrix, raw: csr_matrix, *, first_row: int) -> None:
        """Compare a block of cells.

        Parameters
        ----------
        values
            Positive values, canonical CSR, shape ``(n_obs, n_vars)``.
        raw
            The same cells and genes, positive too, canonical CSR.
        first_row
            Number of the first cell.
        """
        self._seen[values.indices] = True
        rows, x, r, unmatched = _match(values, raw, self._seen)
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        cells, n_obs = rows[starts], values.shape[0]
        filled = (np.diff(values.indptr) > 0) | (np.diff(raw.indptr) > 0)
        forms = cell_forms(x, r, starts)
        self.n_telling += int(forms.tells.sum())
        for place, (form, _) in enumerate(FORMS):
            fits = forms.number == place
            self.n_forms[form] += int((fits & forms.tells).sum())
            if form == "scaled":
                self.n_equal += int((fits & forms.exact & ~unmatched[cells]).sum())
            elif form == "log":
                self.n_logged += int((fits & forms.exact & forms.tells).sum())
        formless = np.zeros(n_obs, dtype=bool)
        formless[cells[forms.number < 0]] = True
        odd = formless[rows]
        formless &= ~rises(x[odd], r[odd], rows[odd], n_obs)
        others = np.flatnonzero(formless | (unmatched & filled))
        self.n_obs += int(filled.sum())
        self.other_cells.extend((others + first_row).tolist())
        self._find(values, raw, others)

    def _find(self, values: csr_matrix, raw: csr_matrix, others: np.ndarray) -> None:
        """Look for the cells and the genes that the values of other cells belong to."""
        raw_sets = _gene_sets(raw, np.where(self._seen, self._numbers, 0).astype(np.uint64))
        self._sets.append(raw_sets[np.diff(raw.indptr) >= MIN_GENES])
        if not len(others):
            return
        values, raw = values[others], raw[others]
        sets = _gene_sets(values, self._numbers)
        elsewhere = (sets != raw_sets[others]) & (np.diff(values.indptr) >= MIN_GENES)
        self._other_sets.append(sets[elsewhere])
        kept = self._seen[raw.indices]
        ranked = same_ranks(
            values.data, _rows(values), raw.data[kept], _rows(raw)[kept], len(others)
        )
        self.n_other_genes += int((ranked & elsewhere).sum())
        self._cross(values, raw)

    def _cross(self, values: csr_matrix, raw: csr_matrix) -> None:
        """Ask of pairs of cells whether their raw values would fit as well if exchanged."""
        n_obs = values.shape[0]
        shifts = {step % n_obs for step in (1, n_obs // 3, n_obs // 2, 2 * n_obs // 3)} - {0}
        x, r = _unit_rows(values), _unit_rows(raw)
        own = _products(x, r)
        for shift in sorted(shifts)[:N_PARTNERS]:
            partner = (np.arange(n_obs) + shift) % n_obs
            crossed = _products(x, r[partner]) + _products(x[partner], r)
            self.n_crossed += int((crossed >= own + own[partner]).sum())
            self.n_pairs += n_obs


def _match(
    values: csr_matrix, raw: csr_matrix, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return row, value and raw value wherever both have one, and the cells where only one has."""
    rows, raw_rows = _rows(values), _rows(raw)
    x, r = values.data.astype(np.float64), raw.data.astype(np.float64)
    unmatched = np.zeros(values.shape[0], dtype=bool)
    if np.array_equal(values.indptr, raw.indptr) and np.array_equal(values.indices, raw.indices):
        return rows, x, r, unmatched
    keys, raw_keys = rows * values.shape[1] + values.indices, raw_rows * raw.shape[1] + raw.indices
    place = np.searchsorted(raw_keys, keys)
    found = np.zeros(len(keys), dtype=bool)
    inside = place < len(raw_keys)
    found[inside] = raw_keys[place[inside]] == keys[inside]
    unmatched[rows[~found]] = True
    # A gene without any value so far was filtered out of the values, and tells nothing.
    lost = seen[raw.indices]
    lost[place[found]] = False
    unmatched[raw_rows[lost]] = True
    return rows[found], x[found], r[place[found]], unmatched


def _rows(matrix: csr_matrix) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))


def _gene_sets(matrix: csr_matrix, numbers: np.ndarray) -> np.ndarray:
    """Return one number for the set of genes of each cell, uint64; sums wrap round."""
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(numbers[matrix.indices])])
    return np.asarray(sums[matrix.indptr[1:]] - sums[matrix.indptr[:-1]])


def _unit_rows(matrix: csr_matrix) -> csr_matrix:
    """Return the logarithms of the values, as vectors of length one."""
    totals = np.asarray(matrix.sum(axis=1)).ravel()
    logged = (diags_array(1e4 / np.maximum(totals, 1e-12)) @ matrix).log1p()
    lengths = np.sqrt(np.asarray(logged.multiply(logged).sum(axis=1)).ravel())
    return csr_matrix(diags_array(1 / np.maximum(lengths, 1e-12)) @ logged)


def _products(left: csr_matrix, right: csr_matrix) -> np.ndarray:
    return np.asarray(left.multiply(right).sum(axis=1)).ravel()
