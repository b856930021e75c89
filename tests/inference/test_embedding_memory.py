"""Ten times the cells are embedded in no more memory, in a process that the system gives no more."""

import json
from typing import NamedTuple

import pytest
import torch

from genemamba.atlas.versions.manifests import write_manifest
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import build_model
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import Checkpoint, save_checkpoint
from genemamba.training.config import TrainingConfig
from tests.inference.test_atlas_embedding import run
from tests.small_atlas import gene_ids, small_view, wide_adata

SIZES = (2_000, 20_000)
WIDTH = 512
"""Wide for cells of so few genes: the embedding of all of them is what must not be in memory."""


SHARD_N_OBS = 256
"""Small enough that the smaller atlas has several shards, too."""


class Embedded(NamedTuple):
    """What a process said when it had embedded an atlas."""

    n_obs: int
    n_shards: int
    peak: int


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """What the processes said that embedded the smaller and the larger atlas."""
    done = []
    for n_obs in SIZES:
        folder = tmp_path_factory.mktemp(f"cells{n_obs}")
        adata = wide_adata(n_obs=n_obs, genes=gene_ids(12), seed=n_obs)
        view = small_view(folder, many=adata)
        write_manifest(view.manifest, str(folder / "atlas.json"), home=str(folder / "home"))
        save_checkpoint(folder / "model", shallow_and_wide(adata))
        process = run(folder, folder / "embedding.zarr", shard_n_obs=SHARD_N_OBS)
        assert process.returncode == 0, process.stderr
        said = json.loads(process.stdout)
        done.append(Embedded(**{name: said[name] for name in Embedded._fields}))
    return done


def shallow_and_wide(adata) -> Checkpoint:
    vocabulary = Vocabulary.from_counts(adata.X, adata.var_names.tolist())
    config = ModelConfig(
        vocab_size=vocabulary.size,
        d_model=WIDTH,
        n_layer=1,
        d_state=16,
        expand=1,
        headdim=64,
        chunk_size=4,
    )
    return Checkpoint(
        model=build_model(config, seed=0, device=torch.device("cpu")),
        vocabulary=vocabulary,
        training_config=TrainingConfig(
            seqlen=3, minibatch_size=8, steps=1, lr=1e-3, warmup_steps=1
        ),
        history=(),
        heldout_loss=None,
    )


def test_both_are_embedded_whole(embedded):
    assert [(done.n_obs, done.n_shards) for done in embedded] == [(2_000, 8), (20_000, 79)]


def test_the_embedding_of_ten_times_the_cells_is_not_in_memory(embedded):
    """The table of cells, and what the allocator keeps of a shard, take up to 1.2 times as much."""
    one, ten = (done.peak for done in embedded)

    assert ten - one < 1.5 * (SIZES[1] - SIZES[0]) * WIDTH * 4
