"""Fresh gene embeddings that already tell which genes occur together.

A model that starts from random embeddings has to find them out by gradient; a matrix factorisation
gives them at once, from all cells, labelled or not.
"""

from typing import Final

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from genemamba.nn.mixer import Mixer
from genemamba.nn.model import GeneMamba
from genemamba.tokens.token_set import TokenSet

LEVEL: Final = 3.0
"""Of the first dimension, the same for every gene, beside a mean square norm of 1 in the others: the
model's last normalisation divides a gene's state by its root mean square, and would else make a
gene that says nothing about cells weigh as much as a marker."""

SIZE: Final = 20.0
"""Of the embeddings as a whole, which the model's normalisations take out again. AdamW moves every
number by about the learning rate: small embeddings would lose in a few steps what is known of them,
and what the fresh layers add would be noise that depends on the number of a cell's genes."""

SHARE_OF_LAYERS: Final = 0.1
"""What is left of what a fresh layer adds to a gene's state, for the same reason."""

MIN_SHARE: Final = 1e-3
"""Of the cells: rarer genes weigh no more, as chance decides who has them."""


def set_gene_spectra(model: GeneMamba, tokens: TokenSet, *, seed: int, rarity: float = 1.0) -> None:
    """Give a fresh model gene embeddings from the genes that cells have in common.

    They are the right singular vectors of the matrix of cells by genes that has a 1 where a gene
    is among a cell's tokens, weighted by how rare the gene is and its rows scaled to a length of 1:
    latent semantic analysis (Deerwester et al. 1990), with cells for documents. The mean of a cell's embeddings is then close to its
    coordinates there. Special tokens get the first dimension alone. The layers are turned down, so
    that they start from there.

    Parameters
    ----------
    model
        Changed in place; `d_model` below the number of its genes.
    tokens
        Cells in rank encoding, with the vocabulary of the model.
    seed
        Of the factorisation.
    rarity
        Power of the weight of a gene, ``log(1 / f)`` for one that a share f of the cells has; 0
        weighs genes alike.
    """
    n_vocabulary, width = model.embeddings.weight.shape
    ones = np.ones(len(tokens.tokens), dtype=np.float32)
    present = csr_matrix((ones, tokens.tokens, tokens.indptr), shape=(tokens.n_obs, n_vocabulary))
    # Genes count as often as they occur.
    occurrences = np.asarray(present.sum(axis=0)).ravel()
    share = np.clip(occurrences / tokens.n_obs, MIN_SHARE, 1.0)
    weight = np.log(1 / share) ** rarity
    svd = TruncatedSVD(width - 1, random_state=seed).fit(normalize(present @ diags(weight)))
    spectra = svd.components_.T * weight[:, None]
    mean_square = np.average((spectra**2).sum(axis=1), weights=occurrences)
    table = np.full((n_vocabulary, width), LEVEL, dtype=np.float32)
    table[:, 1:] = np.where(occurrences[:, None] > 0, spectra / np.sqrt(mean_square), 0.0)
    with torch.no_grad():
        model.embeddings.weight.copy_(torch.from_numpy(SIZE * table))
        for module in model.modules():
            if isinstance(module, Mixer):
                module.out_proj.weight.mul_(SHARE_OF_LAYERS)
