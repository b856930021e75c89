"""An evaluation on disk: its scores as JSON, its layouts as arrays."""

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from genemamba.evaluation.annotation.scores import AnnotationScore, Confusion, Interval, TypeScore
from genemamba.evaluation.atlas import AtlasEvaluation, finite_or_none
from genemamba.evaluation.integration.scores import IntegrationScore, IntegrationScores
from genemamba.provenance import canonical_json

SCORES_FILE: Final = "scores.json"
"""Every number, and why some are absent."""

LAYOUTS_FILE: Final = "layouts.npz"
"""Drawn rows and their coordinates by embedding."""

_ROWS: Final = "rows"


def write_evaluation(evaluation: AtlasEvaluation, folder: Path) -> None:
    """Write `SCORES_FILE` and `LAYOUTS_FILE` into an existing folder."""
    document: dict[str, Any] = {
        "integration": [
            dataclasses.asdict(score) | {"value": finite_or_none(score.value)}
            for score in evaluation.integration.scores
        ],
        "integration_notes": list(evaluation.integration.notes),
        "annotation": [
            [name, _annotation_document(score)] for name, score in evaluation.annotation.items()
        ],
        "split_kind": evaluation.split_kind,
        "split": evaluation.split,
        "notes": list(evaluation.notes),
    }
    (folder / SCORES_FILE).write_text(canonical_json(document))
    arrays: dict[str, Any] = {_ROWS: evaluation.drawn_rows, **evaluation.umap}
    np.savez(folder / LAYOUTS_FILE, **arrays)


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
        annotation={name: _annotation_score(values) for name, values in document["annotation"]},
        split_kind=document["split_kind"],
        split=document["split"],
        notes=tuple(document["notes"]),
        drawn_rows=arrays.pop(_ROWS),
        umap=arrays,
    )


def _integration_score(values: dict[str, Any]) -> IntegrationScore:
    value = float("nan") if values["value"] is None else values["value"]
    return IntegrationScore(**values | {"value": value})


def _annotation_document(score: AnnotationScore) -> dict[str, Any]:
    document = dataclasses.asdict(score)
    document["confusion"]["counts"] = score.confusion.counts.tolist()
    return document


def _annotation_score(values: dict[str, Any]) -> AnnotationScore:
    confusion = values["confusion"]
    parsed = {
        "accuracy_interval": Interval(*values["accuracy_interval"]),
        "macro_f1_interval": Interval(*values["macro_f1_interval"]),
        "types": tuple(TypeScore(**one) for one in values["types"]),
        "confusion": Confusion(
            truth=tuple(confusion["truth"]),
            predicted=tuple(confusion["predicted"]),
            counts=np.array(confusion["counts"], dtype=np.int64),
        ),
    }
    return AnnotationScore(**values | parsed)
