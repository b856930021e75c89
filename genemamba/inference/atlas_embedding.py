"""Embedding of an atlas of any size: shard by shard onto disk, and on from there after a kill."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
import zarr
from anndata.io import write_elem

from genemamba import keys
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference.embedding import TOKENS_PER_MINIBATCH, embed_tokens
from genemamba.inference.embedding_shards import CELLS_PER_SHARD, EmbeddingGrid, ShardFiles
from genemamba.inference.encoder import BackendOption, open_encoder
from genemamba.inference.models import checkpoint_digest, computed_with, known_genes
from genemamba.inference.precision import Precision
from genemamba.provenance import Json, digest_json
from genemamba.publishing import storage_errors
from genemamba.storage import Progress, open_zarr_group
from genemamba.tokens.stored_tokens import StoredTokens
from genemamba.training.checkpoint import Checkpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingSummary:
    """What was written."""

    n_obs: int
    """Cells."""
    d_model: int
    """Width of the embedding."""
    n_shards: int
    """Files of the array."""
    genes_in_vocabulary: int
    """Genes of the atlas that the model knows."""
    cells_without_token: int
    """Cells that express none of them; their embedding is zero."""
    n_shards_found: int = field(default=0, compare=False)
    """Shards that an earlier attempt had written, and whose bytes were as noted then."""

    def to_json(self) -> dict[str, Json]:
        """Return what is the same however often the work was cut off."""
        return {name: value for name, value in asdict(self).items() if name != "n_shards_found"}


def embed_atlas(
    view: AtlasView,
    checkpoint: Checkpoint,
    url: str,
    *,
    device: torch.device,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    seqlen: int | None = None,
    provenance: Mapping[str, Json] | None = None,
    cache: Path | None = None,
    journal: Path | None = None,
    tokens_per_minibatch: int = TOKENS_PER_MINIBATCH,
    shard_n_obs: int = CELLS_PER_SHARD,
    progress: Progress | None = None,
) -> EmbeddingSummary:
    """Write the embedding of every cell of an atlas version as an AnnData Zarr.

    ``obsm["X_genemamba"]`` is a sharded array, float32; ``obs`` has `keys.N_TOKENS`. Memory holds
    the model, the tokens and embedding of one shard, and the table of cells that the view holds
    anyway. Tokens are read from token stores on this machine's disk.

    Parameters
    ----------
    view
        The atlas version; its counts are read only where its tokens are not cached.
    checkpoint
        The model with its vocabulary.
    url
        Where to write, local or remote: nothing, or what an attempt with the same journal left.
    device
        Where the model runs.
    backend, precision
        As for `genemamba.inference.encoder.open_encoder`.
    seqlen
        Tokens read of a cell, at most; as in the model's training by default.
    provenance
        What made it; kept in ``uns["genemamba"]``.
    cache
        Local folder of token stores; a scratch one by default.
    journal
        Local folder in which the digest of every shard is noted, so that a later attempt computes
        those that are missing only; a scratch one by default.
    tokens_per_minibatch
        As for `genemamba.inference.embedding.embed_tokens`.
    shard_n_obs
        Cells of a file of the array.
    progress
        Called with cells embedded and cells in all, first with those that were found.

    Raises
    ------
    ModelError
        No gene of the atlas is in the model's vocabulary, or the backend or precision cannot be
        used here.
    StoreError, CountsError
        A store of the atlas is missing or damaged.
    StorageError
        The place cannot be written, or its disk is full.
    """
    encoder = open_encoder(checkpoint.model, device=device, backend=backend, precision=precision)
    known = known_genes(checkpoint, view.gene_ids, where=f"atlas {view.manifest.atlas!r}")
    seqlen = seqlen or checkpoint.seqlen
    with ExitStack() as stack:
        tokens = StoredTokens.of_view(
            view,
            checkpoint.vocabulary,
            seqlen=seqlen,
            cache=cache or _scratch(stack),
            value_bins=checkpoint.model_config.value_bins,
        )
        lengths = tokens.lengths
        grid = EmbeddingGrid.cut(
            n_obs=tokens.n_obs, d_model=encoder.d_model, shard_n_obs=shard_n_obs
        )
        how: dict[str, Json] = {
            "backend": encoder.backend,
            "precision": precision,
            "seqlen": seqlen,
            "device": device.type,
            "versions": computed_with(),
        }
        plan = {
            "atlas": view.manifest.digest,
            "model": checkpoint_digest(checkpoint),
            "grid": asdict(grid),
            **how,
        }
        files = ShardFiles(url=url, journal=journal or _scratch(stack), plan=digest_json(plan))
        found = files.found(grid)
        summary = EmbeddingSummary(
            n_obs=tokens.n_obs,
            d_model=encoder.d_model,
            n_shards=grid.n_shards,
            genes_in_vocabulary=len(known),
            cells_without_token=int((lengths == 0).sum()),
            n_shards_found=len(found),
        )
        obs = pd.DataFrame({keys.N_TOKENS: lengths.astype(np.int32)}, index=view.obs.index)
        with storage_errors(url):
            files.clear_all_but(found)
            _allocate(url, grid, obs=obs, facts={**summary.to_json(), **how, **(provenance or {})})
        for number, done in _missing(grid, found, progress=progress):
            embedding = embed_tokens(
                encoder,
                tokens.read(*grid.rows(number)),
                tokens_per_minibatch=tokens_per_minibatch,
                progress=_part_of(progress, before=done, total=grid.n_obs),
            )
            files.write(number, grid.encode(embedding))
    with storage_errors(url), explicit_defaults():
        zarr.consolidate_metadata(open_zarr_group(url, mode="r+").store)
    return summary


def _missing(
    grid: EmbeddingGrid, found: Collection[int], *, progress: Progress | None
) -> Iterator[tuple[int, int]]:
    """Yield the shards that are to be written, each with the cells done before it."""
    done = sum(grid.n_rows(number) for number in found)
    if progress:
        progress(done, grid.n_obs)
    for number in range(grid.n_shards):
        if number not in found:
            yield number, done
            done += grid.n_rows(number)


def _scratch(stack: ExitStack) -> Path:
    return Path(stack.enter_context(TemporaryDirectory(prefix="genemamba-")))


def _allocate(
    url: str, grid: EmbeddingGrid, *, obs: pd.DataFrame, facts: Mapping[str, Json]
) -> None:
    """Write all but the shards."""
    with explicit_defaults():
        root = open_zarr_group(url, mode="a")
        root.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_elem(root, "obs", obs)
        write_elem(root, "var", pd.DataFrame(index=pd.Index([], dtype=object)))
        write_elem(root, "uns", {keys.UNS: dict(facts)})
        for name in ("layers", "obsm", "obsp", "varm", "varp"):
            write_elem(root, name, {})
        grid.create(root)


def _part_of(progress: Progress | None, *, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
