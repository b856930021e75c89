"""The embedding of a cell depends on the cell alone: not on company, order, padding or storage."""

import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genemamba.atlas.ingest.planning import plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import IngestOptions
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.embedding import embed_cells
from genemamba.inference.encoder import open_encoder
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.pooling import mean_pool
from genemamba.tokens.minibatch import Minibatch, pad_cells
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import PAD_TOKEN, Vocabulary
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.config import TrainingConfig
from tests.small_atlas import gene_ids, wide_adata

CPU = torch.device("cpu")
N_OBS, SEQLEN = 40, 90


@pytest.fixture(scope="module")
def cells():
    return wide_adata(n_obs=N_OBS, genes=gene_ids(300), seed=3)


@pytest.fixture(scope="module")
def checkpoint(cells) -> Checkpoint:
    """Large weights, so that whatever is not the cell's own would be seen."""
    vocabulary = Vocabulary.from_counts(cells.X, cells.var_names.tolist())
    config = ModelConfig(
        vocab_size=vocabulary.size, d_model=32, n_layer=3, d_state=16, headdim=16, pre_norm=True
    )
    model = build_model(config, seed=0, device=CPU)
    with torch.no_grad():
        model.embeddings.weight.mul_(50)
    training = TrainingConfig(seqlen=SEQLEN, minibatch_size=8, steps=1, lr=1e-3, warmup_steps=1)
    return Checkpoint(
        model=model, vocabulary=vocabulary, training_config=training, history=(), heldout_loss=None
    )


@pytest.fixture(scope="module")
def tokens(cells, checkpoint) -> TokenSet:
    return rank_tokens(cells.X, checkpoint.vocabulary, cells.var_names.tolist(), seqlen=SEQLEN)


@pytest.fixture(scope="module")
def alone(checkpoint, tokens):
    """Each cell by itself, straight through the model."""
    states = []
    for row in range(N_OBS):
        cell = torch.from_numpy(tokens.cell(row)).unsqueeze(0)
        with torch.inference_mode():
            states.append(checkpoint.model(cell, torch.ones_like(cell, dtype=torch.bool))[0])
    return np.array([h_LD.mean(dim=0).numpy() for h_LD in states])


def assert_equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.abs(expected).max() > 0.1


@settings(max_examples=25)
@given(
    order=st.permutations(range(N_OBS)),
    n_kept=st.integers(1, N_OBS),
    tokens_per_minibatch=st.integers(1, 4000),
)
def test_whichever_cells_come_along_in_whatever_order(
    checkpoint, tokens, alone, order, n_kept, tokens_per_minibatch
):
    rows = np.array(order[:n_kept])

    found = embed_cells(
        checkpoint.model, tokens.take(rows), device=CPU, tokens_per_minibatch=tokens_per_minibatch
    )

    assert_equal(found, alone[rows])


@settings(max_examples=15)
@given(n_more=st.integers(0, 200), fill=st.integers(0, 300))
def test_however_wide_the_padding_and_whatever_is_in_it(checkpoint, tokens, alone, n_more, fill):
    encoder = open_encoder(checkpoint.model, device=CPU)
    plain = pad_cells(tokens, np.arange(N_OBS))
    width = (0, n_more)
    padded = Minibatch(
        torch.nn.functional.pad(plain.input_ids, width, value=PAD_TOKEN).masked_fill(
            ~torch.nn.functional.pad(plain.mask, width), fill
        ),
        torch.nn.functional.pad(plain.mask, width),
    )

    assert_equal(mean_pool(encoder(padded), padded.mask).numpy(), alone)


@pytest.mark.parametrize("chunk_size", [1, 7, 32, 256])
def test_however_the_scan_is_cut(checkpoint, tokens, alone, chunk_size):
    config = dataclasses.replace(checkpoint.model_config, chunk_size=chunk_size)
    model = GeneMamba(config)
    model.load_state_dict(checkpoint.model.state_dict())

    assert_equal(embed_cells(model, tokens, device=CPU), alone)


def ingest(folder: Path, name: str, adata, *, shard_nnz: int) -> StoreEntry:
    adata.write_h5ad(folder / f"{name}.h5ad")
    sha256 = name.encode().hex().ljust(64, "0")
    plan = plan_ingest(
        folder / f"{name}.h5ad",
        name=name, sha256=sha256, options=IngestOptions(), scratch=folder / f"scratch-{name}",
    )  # fmt: skip
    url = str(folder / f"{name}.zarr")
    written = write_store(plan, url, shard_nnz=shard_nnz)
    return StoreEntry(
        name=name, digest=f"sha256:{sha256}", url=url, n_obs=written.n_obs, n_vars=written.n_vars,
        deposit_sha256=sha256,
    )  # fmt: skip


@pytest.fixture(scope="module")
def views(cells, tmp_path_factory):
    """The same cells as one store of one shard, one of many, and three of other orders."""
    folder = tmp_path_factory.mktemp("stores")
    turned = cells[::-1, ::-1].copy()
    layouts = {
        "one shard": [ingest(folder, "whole", cells, shard_nnz=10**6)],
        "many shards": [ingest(folder, "cut", cells, shard_nnz=1024)],
        "three stores": [
            ingest(folder, f"part{i}", turned[start:stop].copy(), shard_nnz=1024 * (i + 1))
            for i, (start, stop) in enumerate([(0, 3), (3, 22), (22, N_OBS)])
        ],
    }
    return {
        name: AtlasView.open(AtlasManifest(atlas="cells", stores=tuple(entries)))
        for name, entries in layouts.items()
    }


def test_however_the_cells_and_their_embedding_are_stored(views, checkpoint, cells, alone):
    counts = [len(list(Path(entry.url).rglob("X/data/c/*"))) for view in views.values()
              for entry in view.manifest.stores]  # fmt: skip
    assert counts[0] == 1
    assert counts[1] > 1

    for view in views.values():
        for shard_n_obs, n_shards in ((1, 40), (7, 6), (64, 1)):
            with TemporaryDirectory() as folder:
                url = f"{folder}/embedding.zarr"
                summary = embed_atlas(view, checkpoint, url, device=CPU, shard_n_obs=shard_n_obs)
                embedding = EmbeddedCells.open(url)
                names = [cell_id.partition(":")[2] for cell_id in embedding.obs.index]
                assert summary.n_shards == n_shards
                assert_equal(embedding.read(), alone[cells.obs_names.get_indexer(names)])
