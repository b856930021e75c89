"""Synthetic cells that a tiny model can learn something about."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def counts() -> csr_matrix:
    """120 cells of three types, 90 genes, each type with 30 genes of its own."""
    rng = np.random.default_rng(0)
    rate = np.full((120, 90), 0.1)
    for cell in range(120):
        rate[cell, 30 * (cell % 3) : 30 * (cell % 3) + 30] = 2.0
    return csr_matrix(rng.poisson(rate).astype(np.float32))


@pytest.fixture(scope="session")
def gene_ids() -> list[str]:
    return [f"ENSG{i:03d}" for i in range(90)]


@pytest.fixture(scope="session")
def vocabulary(counts, gene_ids) -> Vocabulary:
    return Vocabulary.from_counts(counts, gene_ids)


@pytest.fixture(scope="session")
def tokens(counts, vocabulary, gene_ids) -> TokenSet:
    return rank_tokens(counts, vocabulary, gene_ids, seqlen=128)


@pytest.fixture
def one_thread():
    """Bit-identical sums need one thread count in every process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
