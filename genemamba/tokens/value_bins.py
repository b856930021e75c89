"""How strongly a cell expresses a gene, in a few steps: what the rank alone does not say.

The rank is by count over median, so that an abundant gene can rank low. The bin is by the count
itself, against the other genes of the same cell: of n expressed genes of the vocabulary, one with
b genes below it lies in bin ``1 + floor(value_bins * b / n)``. Equal counts share a bin; 0 stands
for no value. These are the bins of the cell's quantiles of log1p of counts in 10,000, since scaling
a cell and taking logarithms changes no order, and so neither needs to be done.

References
----------
Bins of expression within a cell: scGPT, Cui et al., Nature Methods 21 (2024), Methods, "value
binning". It draws the bin of equal values at random; here they share the lowest.
"""

import numpy as np
from numpy.typing import NDArray

from genemamba.compiled import compiled
from genemamba.tokens.rank_kernel import LEFT_OUT


@compiled
def bin_values(
    indptr: NDArray[np.int64],
    indices: NDArray[np.integer],
    counts: NDArray[np.float64],
    token_of_column: NDArray[np.uint32],
    value_bins: int,
    token_indptr: NDArray[np.int64],
    tokens: NDArray[np.int32],
) -> NDArray[np.uint8]:
    """Bin the expression of every token of some cells.

    Parameters
    ----------
    indptr, indices, counts
        Cells, CSR, each column once in a cell.
    token_of_column
        Token of each column, or `LEFT_OUT`, shape ``(n_vars,)``.
    value_bins
        Bins, 1 to 255.
    token_indptr, tokens
        Tokens of the same cells, each of them a gene that the cell expresses.

    Returns
    -------
    Bin of each token, 1 to `value_bins`, shape ``(n_tokens,)``.
    """
    largest = np.int64(0)
    for token in token_of_column:
        if token != LEFT_OUT:
            largest = max(largest, np.int64(token))
    count_of_token = np.zeros(largest + 1, dtype=np.float64)
    bins = np.empty(len(tokens), dtype=np.uint8)
    for cell in range(len(indptr) - 1):
        start, stop = indptr[cell], indptr[cell + 1]
        expressed = np.empty(stop - start, dtype=np.float64)
        n = 0
        for j in range(start, stop):
            token = token_of_column[indices[j]]
            if token != LEFT_OUT and counts[j] > 0:
                count_of_token[token] = expressed[n] = counts[j]
                n += 1
        ascending = np.sort(expressed[:n])
        for j in range(token_indptr[cell], token_indptr[cell + 1]):
            below = np.searchsorted(ascending, count_of_token[tokens[j]])
            bins[j] = 1 + below * value_bins // n
    return bins
