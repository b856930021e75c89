"""An annotation that knows more types than the one it is made from."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import zarr
from anndata.io import read_elem, write_elem
from numpy.typing import NDArray

from genemamba import keys
from genemamba.annotation.added_labels import MIN_CELLS, AddedLabels
from genemamba.annotation.incremental import (
    AnalyticBranch,
    extend_logits,
    fit_branch,
    log_probabilities,
)
from genemamba.annotation.label_rules import ACCEPTED, LOW_CONFIDENCE
from genemamba.annotation.labelled_cells import can_learn_from, draw_labelled
from genemamba.annotation.type_statistics import TypeStatistics, type_statistics
from genemamba.atlas.codecs import explicit_defaults
from genemamba.atlas.versions.view import AtlasView
from genemamba.errors import SchemaError, StoreError
from genemamba.inference.atlas import LABELLING, PROBABILITIES, summarise_labels
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.inference.embedding_shards import EmbeddingGrid
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.storage import join_url, open_zarr_group, relative_path, split_url, zarr_store

NEW_TYPE_THRESHOLD: Final = 0.5
"""Confidence below which no cell is called a new type, whatever is asked for old types: a cell
that is as likely of an old type is not taken from it."""

STATISTICS: Final = f"uns/{keys.TYPE_STATISTICS}"
"""Where the type statistics lie in their AnnData."""


def keep_statistics(view: AtlasView, embedding: EmbeddedCells, url: str, *, seed: int) -> None:
    """Put into a written annotation what is needed to add types to it, if it knows any.

    Parameters
    ----------
    view
        The atlas version.
    embedding
        Of its cells.
    url
        From `genemamba.inference.atlas.write_annotation`.
    seed
        Draws the cells of types that have very many, as it did for the head.
    """
    labels = view.obs[keys.CELL_TYPE].to_numpy(dtype=str)
    labels = np.where(embedding.has_token, labels, keys.UNKNOWN).astype(object)
    if not can_learn_from(labels):
        return
    rows = draw_labelled(labels, seed=seed)
    statistics = type_statistics(embedding.take(rows), labels[rows])
    with storage_errors(url), explicit_defaults():
        root = _reopen(url)
        write_elem(root, STATISTICS, statistics.to_uns())
        zarr.consolidate_metadata(root.store)


def known_types(url: str) -> tuple[str, ...]:
    """Return the labels of an annotation's probabilities, sorted.

    Raises
    ------
    StoreError
        It knows none, or keeps nothing to which types can be added.
    """
    root = open_zarr_group(url, mode="r")
    if STATISTICS not in root or PROBABILITIES not in root:
        msg = f"Expected an annotation with type statistics at {url}, found none. Annotate again."
        raise StoreError(msg)
    return tuple(map(str, read_elem(root[f"uns/{keys.UNS}/{LABELLING}/classes"])))


def add_types(
    base_url: str,
    embedding: EmbeddedCells,
    added: AddedLabels,
    url: str,
    *,
    provenance: Mapping[str, Json],
) -> dict[str, Json]:
    """Learn new types beside an annotation, whose own cells are not read again.

    The annotation is copied; then the new types join its probabilities and type statistics. Its
    probabilities are the frozen head, its statistics all that is left of the cells it learnt from.
    A cell whose likeliest type is an old one keeps what the base called it, and whether and why
    that was accepted. A cell of a new type is accepted from the base's confidence on, and from
    `NEW_TYPE_THRESHOLD`; a stated error holds for the base's types alone.

    Parameters
    ----------
    base_url
        Written by `genemamba.inference.atlas.write_annotation` and `keep_statistics`, or here.
    embedding
        Of the same cells.
    added
        The few labelled cells.
    url
        Empty place, local or remote.
    provenance
        What made it; takes its place in ``uns``.

    Returns
    -------
    The facts that the catalog keeps.

    Raises
    ------
    SchemaError
        Too few of a type's cells express a gene of the model's vocabulary.
    StoreError
        The base keeps nothing to which types can be added.
    """
    old_types = known_types(base_url)
    with storage_errors(url), explicit_defaults():
        _copy_files(base_url, url)
        root = _reopen(url)
        obs, facts = read_elem(root["obs"]), read_elem(root[f"uns/{keys.UNS}"])
        kept = TypeStatistics.from_uns(read_elem(root[STATISTICS]))
        statistics = _with_added(kept, embedding, added)
        classes = np.array(sorted(statistics.classes), dtype=object)
        columns, confidence = _extend(root, old_types, embedding, fit_branch(statistics))
        best = classes[columns]
        facts |= dict(provenance)
        facts[LABELLING]["classes"] = classes
        is_new = embedding.has_token & ~np.isin(best.astype(str), old_types)
        obs = _called(obs, best, confidence, is_new, facts)
        obs[keys.CELL_TYPE_ADDED] = _all_added(obs, added)
        write_elem(root, "obs", obs)
        write_elem(root, f"uns/{keys.UNS}", facts)
        write_elem(root, STATISTICS, statistics.to_uns())
        zarr.consolidate_metadata(root.store)
    return summarise_labels(obs)


def _with_added(
    statistics: TypeStatistics, embedding: EmbeddedCells, added: AddedLabels
) -> TypeStatistics:
    """Add the cells that the model sees."""
    seen = embedding.has_token[added.rows]
    rows, labels = added.rows[seen], added.labels[seen]
    counts = Counter(labels.tolist())
    few = [f"'{label}' has {counts[label]}" for label in added.counts if counts[label] < MIN_CELLS]
    if few:
        raise SchemaError(
            expected=f"{MIN_CELLS} cells of each new type with a gene of the model's vocabulary",
            found=", ".join(few),
            remedy="Label other cells of these types.",
            rule="labels-without-token",
            count=len(few),
        )
    return statistics.with_types(embedding.take(rows), labels)


def _extend(
    root: zarr.Group,
    old_types: tuple[str, ...],
    embedding: EmbeddedCells,
    branch: AnalyticBranch,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Widen the probabilities, and return the best column of each cell and its probability."""
    before: Any = root[PROBABILITIES]
    old = np.asarray(before[:])
    grid = EmbeddingGrid.cut(
        n_obs=embedding.n_obs,
        d_model=len(branch.statistics.classes),
        shard_n_obs=embedding.array.shards[0],
        array=PROBABILITIES,
    )
    del root[PROBABILITIES]
    grid.create(root)
    after: Any = root[PROBABILITIES]
    best = np.zeros(embedding.n_obs, dtype=np.intp)
    confidence = np.zeros(embedding.n_obs, dtype=np.float32)
    for here, X in embedding.blocks():
        logits = extend_logits(log_probabilities(old[here]), old_types, branch, X)
        probabilities = np.exp(logits) * embedding.has_token[here, np.newaxis]
        after[here] = probabilities.astype(np.float32)
        best[here], confidence[here] = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return best, confidence


def _called(
    obs: pd.DataFrame,
    best: NDArray[np.object_],
    confidence: NDArray[np.float32],
    is_new: NDArray[np.bool_],
    facts: Mapping[str, Any],
) -> pd.DataFrame:
    """Call cells of new types so, and leave the verdict on all others as it was."""
    asked = [facts[LABELLING].get(name, 0.0) for name in ("threshold", "confidence_above")]
    sure = confidence >= max(NEW_TYPE_THRESHOLD, *(cut for cut in asked if np.isfinite(cut)))
    labels = obs[keys.CELL_TYPE_PRED].astype(str).to_numpy(dtype=object)
    reasons = obs[keys.CELL_TYPE_PRED_REASON].astype(str).to_numpy(dtype=object)
    labels = np.where(is_new, np.where(sure, best, keys.UNKNOWN), labels)
    reasons = np.where(is_new, np.where(sure, ACCEPTED, LOW_CONFIDENCE), reasons)
    called = obs.copy()
    called[keys.CELL_TYPE_PRED] = pd.Categorical(labels)
    called[keys.CELL_TYPE_PRED_CONFIDENCE] = confidence
    called[keys.CELL_TYPE_PRED_REASON] = pd.Categorical(reasons)
    return called


def _all_added(obs: pd.DataFrame, added: AddedLabels) -> pd.Categorical:
    before = obs.get(keys.CELL_TYPE_ADDED)
    labels = np.full(len(obs), keys.UNKNOWN, dtype=object)
    if before is not None:
        labels = before.astype(str).to_numpy(dtype=object)
    labels[added.rows] = added.labels
    return pd.Categorical(labels)


def _reopen(url: str) -> zarr.Group:
    """Open a finished AnnData to change it: its consolidated metadata would be out of date."""
    return zarr.open_group(zarr_store(url, mode="r+"), mode="r+", use_consolidated=False)


def _copy_files(url: str, other: str) -> None:
    fs, source = split_url(url)
    other_fs, target = split_url(other)
    for path in fs.find(source):
        copy = join_url(target, relative_path(path, source))
        other_fs.makedirs(copy.rpartition("/")[0], exist_ok=True)
        other_fs.pipe_file(copy, fs.cat_file(path))
