"""What the cells of a deposit are together, and which of them occur twice in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from genemamba.atlas.cells.hashing import content_digest
from genemamba.atlas.cells.repeats import KeySpool
from genemamba.atlas.cells.schema import CELLS_AT_ONCE
from genemamba.atlas.ingest.survey import Survey
from genemamba.atlas.sources.cell_elements import iterate_blocks
from genemamba.findings import MAX_EXAMPLES

MIN_GENES: Final = 20
"""Genes with a count that a cell needs before another with the same counts is called the same
cell: below it, equal cells are poor ones rather than one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CellSet:
    """The cells of a store as a set."""

    content_digest: str
    """``sha256:`` and 64 hex digits; ignores order and names."""
    n_repeats: int
    """Cells whose counts an earlier cell of the deposit has."""
    examples: tuple[tuple[int, int], ...]
    """Places in the store of the first pairs, earlier and later."""


def describe_cells(survey: Survey, *, folder: Path) -> CellSet:
    """Digest the cells of a deposit, and count those that occur twice.

    Parameters
    ----------
    survey
        What pass 1 found.
    folder
        Scratch folder.

    Raises
    ------
    StorageError
        The scratch folder cannot be written.
    """
    columns = survey.columns()
    with KeySpool(folder) as spool:
        for start, stop in iterate_blocks(survey.n_obs, size=CELLS_AT_ONCE):
            spool.append(columns["hash"].read(start, stop), first_row=start)
        digest = content_digest(block.keys for block in spool.in_order())
        n_repeats, examples = 0, []
        for rows in spool.repeated():
            if columns["n_genes"].read(int(rows[0]), int(rows[0]) + 1)[0] < MIN_GENES:
                continue
            n_repeats += len(rows) - 1
            examples += [(int(rows[0]), int(row)) for row in np.sort(rows[1:])]
            examples = sorted(examples, key=lambda pair: pair[1])[:MAX_EXAMPLES]
    return CellSet(content_digest=digest, n_repeats=n_repeats, examples=tuple(examples))
