"""Which genes have a token, and how much of each gene is usual."""

import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.errors import ModelError
from genemamba.provenance import sha256_text

UNK_TOKEN: Final = 0
"""A gene that the vocabulary lacks; never made by the rank encoding."""

PAD_TOKEN: Final = 1
"""Fills a minibatch; 1 as in the published GeneMamba tokenizer, not 0 as in Geneformer's."""

FIRST_GENE_TOKEN: Final = 2
"""Token of the first gene in sorted order of Ensembl id, as in Geneformer V1."""

TARGET_SUM: Final = 10_000
"""Counts that a cell is scaled to before medians are taken; from Geneformer V1."""

UNK_NAME: Final = "[UNK]"
"""How tables and tokenizers call `UNK_TOKEN`."""

PAD_NAME: Final = "[PAD]"
"""How tables and tokenizers call `PAD_TOKEN`."""

MASK_NAME: Final = "[MASK]"
"""How tables and tokenizers call the token that hides a gene."""

_COLUMNS: Final = ["ensembl_id", "token_id", "median_nonzero"]


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Tokens of genes: [UNK], [PAD], genes sorted by Ensembl id, and what follows them.

    Parameters
    ----------
    gene_ids
        Ensembl ids, sorted, each once.
    medians
        Median over the cells that express the gene of its counts in 10,000, shape
        ``(n_genes,)``, float32, above zero.
    further
        Names of the tokens after the genes: [MASK] in a vocabulary made here; published ones end
        with the genes, or with [CLS].

    Raises
    ------
    ModelError
        Ids are not sorted and unique, or a median is missing or not above zero.
    """

    gene_ids: tuple[str, ...]
    medians: NDArray[np.float32]
    further: tuple[str, ...] = (MASK_NAME,)

    def __post_init__(self) -> None:
        if list(self.gene_ids) != sorted(set(self.gene_ids)):
            msg = "Expected gene ids sorted and each once, found them unsorted or doubled."
            raise ModelError(msg)
        usable = np.isfinite(self.medians) & (self.medians > 0)
        if self.medians.shape != (len(self.gene_ids),) or not usable.all():
            msg = (
                f"Expected a median above zero for each of {len(self.gene_ids)} genes,"
                f" found {int(usable.sum())} of shape {self.medians.shape}."
            )
            raise ModelError(msg)

    @classmethod
    def from_counts(cls, counts: csr_matrix, gene_ids: Sequence[str]) -> "Vocabulary":
        """Take the genes that some cell expresses, and their medians.

        Parameters
        ----------
        counts
            Raw counts, shape ``(n_obs, n_vars)``.
        gene_ids
            Ensembl ids of the columns, each once.

        References
        ----------
        Median of non-zero values scaled to 10,000 counts a cell: Geneformer V1's
        ``gene_median_dictionary``, Theodoris et al., Nature 618 (2023), Methods.
        """
        n_counts = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
        scaled = counts.data * np.repeat(
            TARGET_SUM / np.maximum(n_counts, 1), np.diff(counts.indptr)
        )
        by_gene = csr_matrix((scaled, counts.indices, counts.indptr), shape=counts.shape).tocsc()
        by_gene.eliminate_zeros()
        medians = {
            gene: np.float32(np.median(by_gene.data[start:end]))
            for gene, start, end in zip(
                gene_ids, by_gene.indptr[:-1], by_gene.indptr[1:], strict=True
            )
            if end > start
        }
        kept = sorted(medians)
        return cls(tuple(kept), np.array([medians[gene] for gene in kept], dtype=np.float32))

    @property
    def mask_token(self) -> int:
        """Stands for a hidden gene.

        Raises
        ------
        ModelError
            There is none, as in the published vocabularies.
        """
        if MASK_NAME not in self.further:
            msg = (
                f"Expected a vocabulary with {MASK_NAME}, found {', '.join(self.further) or 'none'}"
                " after the genes: published models never hid a gene and have no weights for it."
                " Use an objective that hides none, or add the token with `with_mask_token`."
            )
            raise ModelError(msg)
        return FIRST_GENE_TOKEN + len(self.gene_ids) + self.further.index(MASK_NAME)

    @property
    def size(self) -> int:
        """Gene tokens plus the special tokens."""
        return FIRST_GENE_TOKEN + len(self.gene_ids) + len(self.further)

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hex digits over the text of the saved file."""
        return sha256_text(self._to_tsv())

    def positions(self, gene_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return where each gene lies in `gene_ids` of this vocabulary, -1 where it is absent.

        Parameters
        ----------
        gene_ids
            Ensembl ids in any order.
        """
        return pd.Index(self.gene_ids).get_indexer(pd.Index(list(gene_ids))).astype(np.int64)

    def save(self, path: Path) -> None:
        """Write a gzipped table of Ensembl id, token and median.

        Parameters
        ----------
        path
            File to write, by custom ``vocabulary.tsv.gz``.
        """
        path.write_bytes(gzip.compress(self._to_tsv().encode(), mtime=0))

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Parameters
        ----------
        path
            File to read.

        Raises
        ------
        ModelError
            The file is no such table.
        """
        try:
            text = gzip.decompress(path.read_bytes()).decode()
        except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
            msg = f"Expected a gzipped vocabulary, found another file at {path}: {error}."
            raise ModelError(msg) from error
        table = pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, dtype=str)
        if list(table.columns) != _COLUMNS or len(table) < FIRST_GENE_TOKEN:
            msg = f"Expected columns {_COLUMNS} in {path}, found {list(table.columns)}."
            raise ModelError(msg)
        rest = table.iloc[FIRST_GENE_TOKEN:]
        is_gene = rest["median_nonzero"] != ""
        genes = rest[is_gene]
        vocabulary = cls(
            tuple(genes["ensembl_id"]),
            genes["median_nonzero"].to_numpy(dtype=np.float32),
            tuple(rest["ensembl_id"][~is_gene]),
        )
        if vocabulary._to_tsv() != text:
            msg = f"Expected [UNK], [PAD] and genes in order of Ensembl id in {path}."
            raise ModelError(msg)
        return vocabulary

    def _to_tsv(self) -> str:
        special = {UNK_TOKEN: UNK_NAME, PAD_TOKEN: PAD_NAME} | dict(
            enumerate(self.further, start=FIRST_GENE_TOKEN + len(self.gene_ids))
        )
        genes = {
            token: (gene, str(median))
            for token, (gene, median) in enumerate(
                zip(self.gene_ids, self.medians, strict=True), start=FIRST_GENE_TOKEN
            )
        }
        rows = genes | {token: (name, "") for token, name in special.items()}
        lines = [f"{rows[token][0]}\t{token}\t{rows[token][1]}\n" for token in range(self.size)]
        return "\t".join(_COLUMNS) + "\n" + "".join(lines)
