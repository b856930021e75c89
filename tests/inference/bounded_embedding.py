"""A process that embeds an atlas, and may be told to die at a shard or how much it may hold."""

import json
import os
import resource
import signal
import sys
from pathlib import Path

import torch

from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference import embedding_shards
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.training.checkpoint import load_checkpoint
from tests.atlas.ingest.bounded_ingest import peak_rss


def kill_at(nth: int) -> None:
    """Make this process die when its n-th shard lies there, and the note of it does not."""
    original, calls = embedding_shards._sha256, 0

    def die_at_nth_call(content):
        nonlocal calls
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(content)

    embedding_shards._sha256 = die_at_nth_call


if __name__ == "__main__":
    manifest, model, target, options = sys.argv[1:]
    chosen = json.loads(options)
    if limit := chosen.get("limit"):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if nth := chosen.get("kill_at"):
        kill_at(nth)
    summary = embed_atlas(
        AtlasView.open(read_manifest(manifest)),
        load_checkpoint(Path(model)),
        target,
        device=torch.device("cpu"),
        cache=Path(chosen["cache"]),
        journal=Path(target).with_suffix(".journal"),
        shard_n_obs=chosen["shard_n_obs"],
    )
    done = {**summary.to_json(), "n_shards_found": summary.n_shards_found, "peak": peak_rss()}
    sys.stdout.write(json.dumps(done))
