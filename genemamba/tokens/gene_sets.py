"""Gene sets, such as pathways, in the tokens of a vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.reference import GeneReference
from genemamba.errors import GenesError
from genemamba.findings import MAX_EXAMPLES, Finding
from genemamba.tokens.gmt import GmtFile
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary

SET_SIZES: Final = (5, 500)
"""Fewest and most measured genes of a gene set that is used. Smaller ones hardly ever have two
genes in one cell; larger ones, such as "Metabolism", say little about two genes that share them."""

_WORD: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GeneSets:
    """Gene sets of a file whose size suits the genes that are measured."""

    digest: str
    """``sha256:`` and 64 hex digits over the bytes of the file."""
    names: tuple[str, ...]
    """Of the gene sets that are used."""
    members: tuple[frozenset[str], ...]
    """Ensembl ids of the measured genes of each."""
    summary: Mapping[str, int]
    """``n_sets`` in the file and ``n_sets_used``; of the names of genes in the file ``n_genes``,
    ``n_genes_known`` to the reference and ``n_genes_measured``; ``n_genes_used``, which are in a
    set that is used."""

    @classmethod
    def match(cls, file: GmtFile, vocabulary: Vocabulary, reference: GeneReference) -> Self:
        """Find the genes of a file in a vocabulary.

        Parameters
        ----------
        file
            Gene sets by symbol or Ensembl id.
        vocabulary
            The genes that are measured.
        reference
            What the names of genes mean.

        Raises
        ------
        GenesError
            No gene set has as many measured genes as `SET_SIZES` wants.
        """
        written = sorted({gene for genes in file.sets.values() for gene in genes})
        ids = {name: reference.match(name).ensembl_id for name in written}
        genes_measured = frozenset(vocabulary.gene_ids)
        measured = {name: gene for name, gene in ids.items() if gene in genes_measured}
        matched = {
            name: frozenset(measured[gene] for gene in genes if gene in measured)
            for name, genes in file.sets.items()
        }
        fewest, most = SET_SIZES
        used = {name: genes for name, genes in matched.items() if fewest <= len(genes) <= most}
        if not used:
            largest = max(map(len, matched.values()))
            raise GenesError(
                expected=f"a gene set with {fewest} to {most} measured genes in {file.path}",
                found=(
                    f"none of {len(matched)}: {len(measured)} of {len(written)} genes are measured,"
                    f" {largest} in the largest set"
                ),
                remedy="Give gene sets of human genes by symbol or Ensembl id.",
                rule="gene-sets-unmatched",
            )
        return cls(
            digest=file.digest,
            names=tuple(used),
            members=tuple(used.values()),
            summary={
                "n_sets": len(file.sets),
                "n_sets_used": len(used),
                "n_genes": len(written),
                "n_genes_known": sum(map(bool, ids.values())),
                "n_genes_measured": len(measured),
                "n_genes_used": len(frozenset().union(*used.values())),
            },
        )

    @property
    def finding(self) -> Finding:
        """How much of the file is used."""
        n, (fewest, most) = self.summary, SET_SIZES
        return Finding(
            rule="gene-sets-matched",
            severity="note",
            message=(
                f"{n['n_sets_used']:,} of {n['n_sets']:,} gene sets have {fewest} to {most} measured"
                f" genes; {n['n_genes_measured']:,} of {n['n_genes']:,} names of genes are measured,"
                f" {n['n_genes_known']:,} are known."
            ),
            count=len(self.names),
            examples=self.names[:MAX_EXAMPLES],
        )

    def membership(self, vocabulary: Vocabulary) -> csr_matrix:
        """Return which token is in which gene set, boolean, shape ``(vocab_size, n_sets)``.

        Parameters
        ----------
        vocabulary
            Of the tokens.
        """
        genes = [gene for members in self.members for gene in sorted(members)]
        positions = vocabulary.positions(genes)
        columns = np.repeat(np.arange(len(self.members)), [len(m) for m in self.members])
        known = positions >= 0
        return csr_matrix(
            (
                np.ones(int(known.sum()), bool),
                (positions[known] + FIRST_GENE_TOKEN, columns[known]),
            ),
            shape=(vocabulary.size, len(self.members)),
        )

    def bits_by_token(self, vocabulary: Vocabulary) -> NDArray[np.int64]:
        """Return the gene sets of each token as bits, shape ``(vocab_size, n_words)``.

        Parameters
        ----------
        vocabulary
            Of the tokens.
        """
        n_words = -(-len(self.members) // _WORD)
        dense = np.zeros((vocabulary.size, n_words * _WORD), dtype=bool)
        dense[:, : len(self.members)] = self.membership(vocabulary).toarray()
        return np.packbits(dense, axis=1).view(np.int64)
