"""The genes over which cells of two stores can be compared, and the cells' hashes over them."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from anndata.io import read_elem

from genemamba import keys
from genemamba.atlas.cells.hashing import HASH_BYTES, hash_cells
from genemamba.atlas.genes.layout import comparable_genes
from genemamba.atlas.genes.mapping import MAPPED, ensembl_numbers
from genemamba.atlas.sparse import row_blocks
from genemamba.atlas.store import open_store, read_rows, read_var
from genemamba.provenance import digest_json

EVERY_GENE: Final = "all"
"""The panel of `keys.CONTENT_HASH`: all mapped genes of a store, whichever they are."""

MIN_PANEL: Final = 200
"""Genes that two stores must share for their cells to be compared over them."""

MIN_GENES: Final = 20
"""Genes of the panel that a cell must express to be called a duplicate.

Different cells agree by chance where they express next to nothing: of 20,199 PBMC of several studies
some agreed over 20 random panels of `MIN_PANEL` genes while they expressed up to 4 of them, none
with 5 or more; of 500 pancreatic cells up to 2. Of cells that differ, empty ones apart, none of
1,408 (cell lines) and 4,634 (spatial) agreed at all."""

HASH: Final = np.dtype(f"S{HASH_BYTES}")
"""One hash; equal bytes are equal cells."""


class PanelHashes(NamedTuple):
    """Consecutive cells of a store, over one panel."""

    hashes: np.ndarray
    """`HASH`, shape ``(n,)``."""
    n_genes: np.ndarray
    """Genes of the panel that each expresses, int64, shape ``(n,)``."""


def comparable_ids(url: str) -> frozenset[str]:
    """Return the Ensembl ids of a store's comparable genes."""
    var = read_var(url)
    return frozenset(var.index[comparable_genes(var)])


def panel_name(gene_ids: Collection[str]) -> str:
    """Name a panel by its genes: ``sha256:`` and 64 hex digits over the sorted ids."""
    return digest_json(sorted(gene_ids))


def hash_over(url: str, gene_ids: Collection[str]) -> Iterator[PanelHashes]:
    """Hash the cells of a store over some of its genes, in blocks of bounded size.

    Parameters
    ----------
    url
        Where the store lies.
    gene_ids
        Ensembl ids; counts of other genes are ignored.

    Yields
    ------
    All cells, in order.
    """
    group = open_store(url)
    numbers = _numbers(read_var(url), gene_ids)
    matrix: Any = group["X"]
    for start, stop in row_blocks(matrix["indptr"], stop=matrix.attrs["shape"][0]):
        counts = read_rows(group, start=start, stop=stop)
        found = hash_cells(counts, numbers)
        yield PanelHashes(pack_hashes(found.hashes), found.n_genes.astype(np.int64))


def read_hashes(url: str) -> np.ndarray:
    """Return `keys.CONTENT_HASH` of a store's cells, `HASH`, shape ``(n_obs,)``."""
    return pack_hashes(read_column(url, keys.CONTENT_HASH))


def read_column(url: str, name: str) -> np.ndarray:
    """Read one text column of a store's cells, object, shape ``(n_obs,)``."""
    column: Any = read_elem(open_store(url)[f"obs/{name}"])
    return np.asarray(column, dtype=object)


def count_expressed(url: str, rows: np.ndarray) -> np.ndarray:
    """Count the mapped genes that some cells of a store express.

    Parameters
    ----------
    url
        Where the store lies.
    rows
        int64, ascending.

    Returns
    -------
    int64, shape ``(len(rows),)``.
    """
    group, var = open_store(url), read_var(url)
    mapped = var[keys.GENE_STATUS].isin(MAPPED).to_numpy(dtype=bool)
    found = np.zeros(len(rows), dtype=np.int64)
    matrix: Any = group["X"]
    for start, stop in row_blocks(matrix["indptr"], stop=matrix.attrs["shape"][0]):
        low, high = np.searchsorted(rows, [start, stop])
        if low < high:
            counts = read_rows(group, start=start, stop=stop)
            n_genes = count_genes(counts.indptr, counts.indices, mapped)
            found[low:high] = n_genes[rows[low:high] - start]
    return found


def count_genes(indptr: np.ndarray, indices: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Count the stored values of each row in some columns, int64, shape ``(n_rows,)``."""
    before = np.concatenate([[0], np.cumsum(wanted[indices], dtype=np.int64)])
    counted: np.ndarray = np.diff(before[indptr])
    return counted


def pack_hashes(hashes: np.ndarray | Sequence[str]) -> np.ndarray:
    """Return hashes as bytes, `HASH`, whether they come as such, as words or as hex digits."""
    array = np.asarray(hashes)
    if array.dtype == np.uint64:
        return array.astype(">u8").view(HASH).reshape(-1)
    if array.dtype.kind in "SV" and array.dtype.itemsize == HASH_BYTES:
        return array.view(HASH)
    digits = array.astype(f"S{2 * HASH_BYTES}")
    return np.frombuffer(bytes.fromhex(digits.tobytes().decode()), dtype=HASH)


def _numbers(var: pd.DataFrame, gene_ids: Collection[str]) -> np.ndarray:
    wanted = comparable_genes(var) & var.index.isin(list(gene_ids))
    return ensembl_numbers(np.where(wanted, var.index.to_numpy(dtype=object), ""))
