"""Small stores with known counts, and a vocabulary of their genes."""

import pytest
from scipy.sparse import csr_matrix

from genemamba.tokens.vocabulary import Vocabulary
from tests.small_atlas import small_adata, small_view


@pytest.fixture(scope="session")
def view(tmp_path_factory):
    """Three stores of 120, 75 and 10 cells."""
    return small_view(
        tmp_path_factory.mktemp("stores"),
        a=small_adata(n_obs=120, seed=1),
        b=small_adata(n_obs=75, seed=2)[:, ::-1].copy(),
        c=small_adata(n_obs=10, seed=3),
    )


@pytest.fixture(scope="session")
def counts(view) -> csr_matrix:
    return view.counts()


@pytest.fixture(scope="session")
def vocabulary(view, counts) -> Vocabulary:
    return Vocabulary.from_counts(counts, view.gene_ids)
