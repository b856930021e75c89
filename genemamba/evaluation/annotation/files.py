"""The scores of an annotation as JSON, and every scored label as arrays."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from genemamba.evaluation.annotation.comparison import Comparison
from genemamba.evaluation.annotation.evaluation import AnnotationEvaluation
from genemamba.evaluation.annotation.rejection import LeftOutType, RejectionScore
from genemamba.evaluation.annotation.resampling import Interval
from genemamba.evaluation.annotation.scores import AnnotationScore, Confusion, TypeScore
from genemamba.evaluation.annotation.transfer import HeldOutLabels
from genemamba.provenance import Json, finite_or_none

CALLS_FILE: Final = "labels.npz"
"""Every scored cell's row, fold and author's label, and by method its label and confidence."""

SHARED: Final = ("rows", "fold")
"""Arrays of `CALLS_FILE` that all methods have in common, beside ``truth``."""


def annotation_document(evaluation: AnnotationEvaluation) -> dict[str, Json]:
    """Describe everything but the labels as JSON can hold it."""
    return {
        "split_kind": evaluation.split_kind,
        "split": evaluation.split,
        "scores": [[name, _score_document(score)] for name, score in evaluation.scores.items()],
        "comparisons": [dataclasses.asdict(one) for one in evaluation.comparisons],
        "rejections": [
            [name, _rejection_document(score)] for name, score in evaluation.rejections.items()
        ],
        "notes": list(evaluation.notes),
    }


def parse_annotation(
    document: Mapping[str, Any], calls: Mapping[str, HeldOutLabels]
) -> AnnotationEvaluation:
    """Build the evaluation that `annotation_document` described.

    Parameters
    ----------
    document
        From `annotation_document`.
    calls
        From `read_calls`.
    """
    return AnnotationEvaluation(
        split_kind=document["split_kind"],
        split=document["split"],
        scores={name: _parse_score(values) for name, values in document["scores"]},
        comparisons=tuple(
            Comparison(**values | {"interval": Interval(*values["interval"])})
            for values in document["comparisons"]
        ),
        rejections={name: _parse_rejection(values) for name, values in document["rejections"]},
        calls=calls,
        notes=tuple(document["notes"]),
    )


def write_calls(calls: Mapping[str, HeldOutLabels], path: Path) -> None:
    """Write every scored label; nothing where there is none.

    Parameters
    ----------
    calls
        By method, all over the same cells in the same order.
    path
        Of `CALLS_FILE`.
    """
    if not calls:
        return
    first = next(iter(calls.values()))
    arrays: dict[str, Any] = {name: getattr(first, name) for name in SHARED}
    texts = [first.truth, *(called.predicted for called in calls.values())]
    names, codes = np.unique(np.concatenate(texts).astype(str), return_inverse=True)
    truth, *predicted = np.split(codes.astype(np.int32), len(texts))
    arrays |= {"names": names, "truth": truth, "methods": np.array(list(calls), dtype=str)}
    for number, called in enumerate(calls.values()):
        arrays[f"predicted_{number}"] = predicted[number]
        arrays[f"confidence_{number}"] = called.confidence
    np.savez(path, **arrays)


def read_calls(path: Path) -> dict[str, HeldOutLabels]:
    """Read what `write_calls` wrote; nothing where there is no file."""
    if not path.exists():
        return {}
    with np.load(path) as stored:
        names = stored["names"].astype(object)
        return {
            str(method): HeldOutLabels(
                rows=stored["rows"],
                fold=stored["fold"],
                truth=names[stored["truth"]],
                predicted=names[stored[f"predicted_{number}"]],
                confidence=stored[f"confidence_{number}"],
            )
            for number, method in enumerate(stored["methods"])
        }


def _score_document(score: AnnotationScore) -> dict[str, Json]:
    document = dataclasses.asdict(score)
    document["confusion"]["counts"] = score.confusion.counts.tolist()
    return document


def _parse_score(values: Mapping[str, Any]) -> AnnotationScore:
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
    return AnnotationScore(**{**values, **parsed})


def _rejection_document(score: RejectionScore) -> dict[str, Json]:
    document = dataclasses.asdict(score)
    for name in ("known_rejected", "known_error"):
        document[name] = finite_or_none(document[name])
    for one in document["types"]:
        one["auroc"] = finite_or_none(one["auroc"])
    return document


def _parse_rejection(values: Mapping[str, Any]) -> RejectionScore:
    types = tuple(
        LeftOutType(
            **{
                **one,
                "rejected_interval": Interval(*one["rejected_interval"]),
                "auroc": _number(one["auroc"]),
            }
        )
        for one in values["types"]
    )
    parsed = {
        "rejected_interval": Interval(*values["rejected_interval"]),
        "known_rejected": _number(values["known_rejected"]),
        "known_error": _number(values["known_error"]),
        "types": types,
    }
    return RejectionScore(**{**values, **parsed})


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
