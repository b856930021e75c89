"""An evaluation on disk: its scores as JSON, its layouts as arrays."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from genemamba.evaluation.annotation.files import (
    CALLS_FILE,
    annotation_document,
    parse_annotation,
    read_calls,
    write_calls,
)
from genemamba.evaluation.atlas import AtlasEvaluation
from genemamba.evaluation.integration.scores import IntegrationScore, IntegrationScores
from genemamba.provenance import canonical_json, finite_or_none

SCORES_FILE: Final = "scores.json"
"""Every number, and why some are absent."""

LAYOUTS_FILE: Final = "layouts.npz"
"""Drawn rows and their coordinates by embedding."""

_ROWS: Final = "rows"


def write_evaluation(evaluation: AtlasEvaluation, folder: Path) -> None:
    """Write `SCORES_FILE`, `LAYOUTS_FILE` and `CALLS_FILE` into an existing folder."""
    document: dict[str, Any] = {
        "integration": [
            dataclasses.asdict(score) | {"value": finite_or_none(score.value)}
            for score in evaluation.integration.scores
        ],
        "integration_notes": list(evaluation.integration.notes),
        "annotation": annotation_document(evaluation.annotation),
    }
    (folder / SCORES_FILE).write_text(canonical_json(document))
    arrays: dict[str, Any] = {_ROWS: evaluation.drawn_rows, **evaluation.umap}
    np.savez(folder / LAYOUTS_FILE, **arrays)
    write_calls(evaluation.annotation.calls, folder / CALLS_FILE)


def read_evaluation(folder: Path) -> AtlasEvaluation:
    """Read what `write_evaluation` wrote."""
    document = json.loads((folder / SCORES_FILE).read_text())
    with np.load(folder / LAYOUTS_FILE) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return AtlasEvaluation(
        integration=IntegrationScores(
            scores=tuple(_integration_score(values) for values in document["integration"]),
            notes=tuple(document["integration_notes"]),
        ),
        annotation=parse_annotation(document["annotation"], read_calls(folder / CALLS_FILE)),
        drawn_rows=arrays.pop(_ROWS),
        umap=arrays,
    )


def _integration_score(values: dict[str, Any]) -> IntegrationScore:
    value = float("nan") if values["value"] is None else values["value"]
    return IntegrationScore(**values | {"value": value})
