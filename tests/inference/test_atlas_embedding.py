"""Any number of cells is embedded onto disk, and a killed process costs one shard at most."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import torch
import zarr

from genemamba.atlas.versions.manifests import write_manifest
from genemamba.errors import ModelError, StoreError
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.embedding import embed_cells
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.training.checkpoint import save_checkpoint
from tests.support import ROOT

CPU = torch.device("cpu")


def embed(view, checkpoint, folder, **options):
    url = str(folder / "embedding.zarr")
    return url, embed_atlas(view, checkpoint, url, device=CPU, **options)


@pytest.fixture(scope="module")
def expected(atlas, checkpoint):
    """All tokens in memory at once, as no streaming does it."""
    tokens = rank_tokens(atlas.counts(), checkpoint.vocabulary, atlas.gene_ids, seqlen=128)
    return tokens, embed_cells(checkpoint.model, tokens, device=CPU)


def test_the_array_opens_as_anndata_with_the_embedding_of_every_cell(
    atlas, checkpoint, expected, tmp_path
):
    url, summary = embed(atlas, checkpoint, tmp_path, provenance={"model": "m@1"}, shard_n_obs=64)
    tokens, embedding = expected

    found = ad.read_zarr(url)

    np.testing.assert_allclose(found.obsm["X_genemamba"], embedding, rtol=0, atol=1e-5)
    assert found.obs_names.tolist() == atlas.obs.index.tolist()
    assert found.obs["n_tokens"].tolist() == tokens.lengths.tolist()
    facts = found.uns["genemamba"]
    assert (facts["model"], facts["precision"], facts["seqlen"]) == ("m@1", "fp32", 128)
    assert facts["versions"]["torch"] == torch.__version__
    assert summary.to_json() == {
        "n_obs": 150, "d_model": 32, "n_shards": 3, "genes_in_vocabulary": 60,
        "cells_without_token": 0,
    }  # fmt: skip


def test_the_array_is_sharded_float32_and_a_flipped_bit_in_it_is_an_error(
    atlas, checkpoint, tmp_path
):
    url, _ = embed(atlas, checkpoint, tmp_path, shard_n_obs=64)
    array = zarr.open_group(url, mode="r")["obsm/X_genemamba"]
    shard = Path(url) / "obsm/X_genemamba/c/1/0"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1

    shard.write_bytes(content)

    assert (array.shape, array.shards, array.chunks) == ((150, 32), (64, 32), (64, 32))
    assert (array.dtype, len(list(shard.parent.parent.iterdir()))) == (np.float32, 3)
    with pytest.raises(ValueError, match="checksum"):
        array[64:128]


def test_equal_work_gives_equal_bytes(atlas, checkpoint, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    contents = []
    for folder in folders:
        url, _ = embed(atlas, checkpoint, folder, cache=tmp_path / "tokens", shard_n_obs=32)
        files = sorted(path for path in Path(url).rglob("*") if path.is_file())
        contents.append({path.relative_to(url): path.read_bytes() for path in files})

    assert contents[0] == contents[1]


def test_cells_that_the_version_leaves_out_are_not_embedded(atlas, checkpoint, expected, tmp_path):
    kept = np.setdiff1d(np.arange(120), [0, 3, 4, 50, 119])
    tokens = StoredTokens.of_view(
        atlas, checkpoint.vocabulary, seqlen=128, cache=tmp_path / "tokens"
    )
    thinned = StoredTokens.join(tokens.stores, [kept, None])

    for start, stop in ((0, 145), (0, 3), (40, 60), (110, 120), (115, 145), (7, 7)):
        found = thinned.read(start, stop)
        rows = np.concatenate([kept, np.arange(120, 150)])[start:stop]
        wanted = expected[0].take(rows)
        assert found.tokens.tolist() == wanted.tokens.tolist()
        assert found.indptr.tolist() == wanted.indptr.tolist()
    assert thinned.lengths.tolist() == expected[0].take(np.r_[kept, 120:150]).lengths.tolist()


def test_progress_begins_with_the_cells_that_were_found(atlas, checkpoint, tmp_path):
    calls = []
    options = {"cache": tmp_path / "tokens", "journal": tmp_path / "journal", "shard_n_obs": 64}
    embed(atlas, checkpoint, tmp_path, **options)
    (tmp_path / "journal" / "1.json").unlink()

    embed(atlas, checkpoint, tmp_path, progress=lambda *call: calls.append(call), **options)

    assert calls[0] == (86, 150)
    assert calls[-1] == (150, 150)
    assert calls == sorted(set(calls))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"seqlen": 16}, id="seqlen"),
        pytest.param({"shard_n_obs": 32}, id="shards"),
        pytest.param({"checkpoint": True}, id="model"),
    ],
)
def test_shards_of_other_work_are_not_taken_for_those_wanted(atlas, checkpoint, tmp_path, change):
    options = {"cache": tmp_path / "tokens", "journal": tmp_path / "journal", "shard_n_obs": 64}
    embed(atlas, checkpoint, tmp_path, **options)
    other = checkpoint
    if change.pop("checkpoint", False):
        other = dataclasses.replace(checkpoint, heldout_loss=0.5)

    _, same = embed(atlas, checkpoint, tmp_path, **options)
    _, changed = embed(atlas, other, tmp_path, **options | change)

    assert (same.n_shards_found, changed.n_shards_found) == (3, 0)


def test_a_lost_shard_is_an_error_and_not_zeros(atlas, checkpoint, tmp_path):
    url, _ = embed(atlas, checkpoint, tmp_path, shard_n_obs=64)
    (Path(url) / "obsm/X_genemamba/c/1/0").unlink()
    embedding = EmbeddedCells.open(url)

    assert embedding.read(0, 64).shape == (64, 32)
    with pytest.raises(StoreError, match="as written, found part of it missing"):
        embedding.take(np.array([1, 149]))


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        pytest.param("all", "found nothing. Embed", id="nothing there"),
        pytest.param("mark", "found one cut off", id="cut off"),
    ],
)
def test_an_embedding_without_its_commit_mark_is_not_opened(
    atlas, checkpoint, tmp_path, monkeypatch, lost, message
):
    url = str(tmp_path / "embedding.zarr")
    if lost == "mark":
        monkeypatch.setattr(zarr, "consolidate_metadata", lambda store: None)
        embed(atlas, checkpoint, tmp_path)

    with pytest.raises(StoreError, match=message):
        EmbeddedCells.open(url)


def test_rows_taken_are_the_rows_of_the_whole(atlas, checkpoint, tmp_path):
    url, _ = embed(atlas, checkpoint, tmp_path, shard_n_obs=40)
    embedding = EmbeddedCells.open(url)
    rows = np.array([0, 39, 40, 41, 119, 149])

    np.testing.assert_array_equal(embedding.take(rows), embedding.read()[rows])
    np.testing.assert_array_equal(
        np.concatenate([block for _, block in embedding.blocks()]), embedding.read()
    )


def test_a_model_without_a_gene_of_the_atlas_is_refused(atlas, checkpoint, tmp_path):
    view = dataclasses.replace(atlas, var=atlas.var.rename(index=lambda gene: f"X{gene}"))

    with pytest.raises(ModelError, match="Expected genes of atlas 'small' in the model's voc"):
        embed(view, checkpoint, tmp_path)


@pytest.fixture(scope="module")
def on_disk(atlas, checkpoint, tmp_path_factory):
    """What a process needs to embed the atlas."""
    folder = tmp_path_factory.mktemp("embedding")
    write_manifest(atlas.manifest, str(folder / "atlas.json"), home=str(folder))
    save_checkpoint(folder / "model", checkpoint)
    return folder


def run(folder, target, **options):
    options = {"cache": str(folder / "tokens"), "shard_n_obs": 16, **options}
    return subprocess.run(
        [
            sys.executable, Path(__file__).with_name("bounded_embedding.py"),
            folder / "atlas.json", folder / "model", target, json.dumps(options),
        ],
        env=os.environ | {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_killed_process_leaves_whole_shards_that_the_next_one_does_not_compute_again(
    on_disk, expected
):
    target = on_disk / "killed.zarr"

    killed = run(on_disk, target, kill_at=4)
    left = {path.parent.name: path.stat().st_mtime_ns for path in target.rglob("c/*/0")}
    again = run(on_disk, target)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sorted(left) == ["0", "1", "2", "3"]  # the last without its note
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert (summary["n_shards"], summary["n_shards_found"]) == (10, 3)
    now = {path.parent.name: path.stat().st_mtime_ns for path in target.rglob("c/*/0")}
    assert {name: now[name] == left[name] for name in left} == {
        "0": True, "1": True, "2": True, "3": False,
    }  # fmt: skip
    embedding = EmbeddedCells.open(str(target)).read()
    np.testing.assert_allclose(embedding, expected[1], rtol=0, atol=1e-5)
