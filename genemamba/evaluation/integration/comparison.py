"""Embeddings beside the controls, which are scored anew every time."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.integration.bounds import broken_bounds
from genemamba.evaluation.integration.controls import (
    PERFECT,
    RANDOM,
    SHUFFLED,
    perfect_embedding,
    random_embedding,
    shuffled_embedding,
)
from genemamba.evaluation.integration.scope import choose_scope
from genemamba.evaluation.integration.scores import (
    CONTROL,
    SUPERVISED,
    Embeddings,
    IntegrationScores,
    Kind,
)
from genemamba.evaluation.integration.scoring import MAX_CELLS, score_embeddings
from genemamba.storage import Progress


def compare_embeddings(
    embeddings: Embeddings,
    labels: npt.ArrayLike,
    batch: npt.ArrayLike,
    *,
    seed: int,
    supervised: Collection[str] = (),
    max_cells: int = MAX_CELLS,
    kbet: bool = False,
    progress: Progress | None = None,
) -> IntegrationScores:
    """Score embeddings beside a random, a perfect and a shuffled one.

    A control whose score a sound metric cannot give is told in the notes: a change of library,
    or a set of cells that a metric cannot judge, shows as such.

    Parameters
    ----------
    embeddings
        What to compare, ours first: its rows in another order are the shuffled control.
        `keys.X_PCA` among them is the state before integration.
    labels, batch
        As for `scoring.score_embeddings`.
    seed
        Of controls and draws.
    supervised
        Names of embeddings that labels shaped.
    max_cells, kbet, progress
        As for `scoring.score_embeddings`.
    """
    labels = np.asarray(labels, dtype=object).astype(str)
    batch = np.asarray(batch, dtype=object).astype(str)
    ours = next(iter(embeddings.values()))
    controls = {
        RANDOM: random_embedding(len(labels), seed=seed),
        PERFECT: perfect_embedding(labels, seed=seed),
        SHUFFLED: shuffled_embedding(ours, seed=seed),
    }
    kinds: dict[str, Kind] = {
        **dict.fromkeys(supervised, SUPERVISED),
        **dict.fromkeys(controls, CONTROL),
    }
    scored = score_embeddings(
        {**embeddings, **controls},
        labels,
        batch,
        seed=seed,
        kinds=kinds,
        max_cells=max_cells,
        kbet=kbet,
        progress=progress,
    )
    rows = choose_scope(labels, batch, seed=seed, max_cells=max_cells, kbet=kbet).rows
    broken = broken_bounds(scored.scores, labels, batch, rows)
    return replace(scored, notes=(*scored.notes, *broken))
