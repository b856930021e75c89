"""From the states of a cell's tokens to one vector for the cell.

Shape suffixes: B cells, L tokens, D model width.
"""

from torch import Tensor

from genemamba.nn.config import Padding


def mean_pool(h_BLD: Tensor, mask_BL: Tensor) -> Tensor:
    """Average the token states of each cell, ignoring padding.

    Parameters
    ----------
    h_BLD
        Token states, shape ``(batch, seqlen, d_model)``.
    mask_BL
        True where a token is a gene, shape ``(batch, seqlen)``.

    Returns
    -------
    Cell embeddings, shape ``(batch, d_model)``. A cell with no gene maps to zero.
    """
    gene_BL1 = mask_BL.unsqueeze(-1)
    n_genes_B1 = gene_BL1.sum(dim=1).clamp(min=1)
    return h_BLD.masked_fill(~gene_BL1, 0.0).sum(dim=1) / n_genes_B1


def pool_cells(h_BLD: Tensor, mask_BL: Tensor, *, padding: Padding) -> Tensor:
    """Average the token states of each cell as a model's padding has it.

    Parameters
    ----------
    h_BLD
        Token states, shape ``(batch, seqlen, d_model)``.
    mask_BL
        True where a token is a gene, shape ``(batch, seqlen)``.
    padding
        Of the model: ``upstream`` averages the states of padding, too.

    Returns
    -------
    Cell embeddings, shape ``(batch, d_model)``. A cell with no gene maps to zero.

    References
    ----------
    ``upstream`` is the ``hidden_states.mean(dim=1)`` of the published ``models.py``.
    """
    if padding == "upstream":
        mask_BL = mask_BL.any(dim=1, keepdim=True).expand_as(mask_BL)
    return mean_pool(h_BLD, mask_BL)
