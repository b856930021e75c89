"""Rank encoding: a cell becomes its genes, ordered by how unusual their counts are.

The value of a gene in a cell is its count divided by the gene's median over the cells that
express it. Scaling the cell to a fixed sum first, as the definition has it, multiplies all values
of a cell alike and so cannot change their order; it is left out. Genes of equal value follow in
the order of the vocabulary, which Geneformer leaves to the sorting routine.

References
----------
Geneformer V1's tokenizer: Theodoris et al., Nature 618 (2023), Methods, "rank value encoding".
"""

from collections import Counter
from collections.abc import Sequence

from scipy.sparse import csr_matrix

from genemamba.errors import InputError, SchemaError
from genemamba.tokens.rank_encoder import RankEncoder
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary


def rank_tokens(
    counts: csr_matrix,
    vocabulary: Vocabulary,
    gene_ids: Sequence[str],
    *,
    seqlen: int,
    value_bins: int = 0,
) -> TokenSet:
    """Order the genes of every cell by count over median, highest first.

    Parameters
    ----------
    counts
        Raw counts, shape ``(n_obs, n_vars)``.
    vocabulary
        Genes with their tokens and medians; genes that it lacks are left out.
    gene_ids
        Ensembl ids of the columns, each once.
    seqlen
        Tokens kept of a cell, at most.
    value_bins
        Bins of expression to tell with each token, as for `bin_values`; 0 for none.

    Returns
    -------
    Tokens of every cell; a cell that expresses no gene of the vocabulary has none.

    Raises
    ------
    InputError
        `seqlen` is below 1.
    CountsError
        A value is negative or not finite.
    SchemaError
        A gene is named twice, or there are not as many genes as columns.
    """
    _check(counts, gene_ids, seqlen)
    return RankEncoder.over(vocabulary, vocabulary.positions(gene_ids)).encode(
        counts, seqlen=seqlen, value_bins=value_bins
    )


def _check(counts: csr_matrix, gene_ids: Sequence[str], seqlen: int) -> None:
    if seqlen < 1:
        raise InputError(
            expected="room for one gene at least",
            found=f"seqlen={seqlen}",
            remedy="Raise seqlen.",
        )
    doubled = sorted(gene for gene, times in Counter(gene_ids).items() if times > 1)
    if doubled or len(gene_ids) != counts.shape[1]:
        raise SchemaError(
            expected=f"one gene id for each of {counts.shape[1]} columns, each once",
            found=f"{len(gene_ids)} ids, doubled: {', '.join(doubled[:5]) or 'none'}",
            remedy="Sum the columns of one gene before encoding.",
        )
