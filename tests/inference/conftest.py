"""A small labelled atlas and a model that was trained on it for a few steps."""

import pytest
import torch

from genemamba.training.atlas import pretrain_on_atlas
from tests.small_atlas import small_adata, small_view

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def atlas(tmp_path_factory):
    """A labelled deposit, and one without labels or batches that measured other genes."""
    query = small_adata(n_obs=30, seed=1)[:, 10:].copy()
    query.obs = query.obs.drop(columns=["cell_type", "batch"])
    return small_view(tmp_path_factory.mktemp("atlas"), one=small_adata(), two=query)


@pytest.fixture(scope="session")
def checkpoint(atlas):
    """What three steps of the smallest preset gave."""
    return pretrain_on_atlas(atlas, preset="tiny", steps=3, seed=0, device=CPU)
