"""The numbers of an annotation's evaluation, as the history keeps them."""

from collections.abc import Iterator
from typing import Final

from genemamba.catalog.values import Metric
from genemamba.evaluation.annotation.comparison import Comparison
from genemamba.evaluation.annotation.evaluation import OURS, AnnotationEvaluation
from genemamba.evaluation.annotation.rejection import RejectionScore

HELD_OUT: Final = "held-out labelled cells"
"""Cells that accuracy and macro-F1 look at."""


def annotation_metrics(
    evaluation: AnnotationEvaluation, version: str, model: str
) -> Iterator[Metric]:
    """Baselines carry the model too: their numbers stand beside its own.

    Parameters
    ----------
    evaluation
        What was found.
    version, model
        Names and numbers of the atlas version and of the model version.
    """
    about = {"dataset_version": version, "model_version": model}
    for method, score in evaluation.scores.items():
        for name, value, interval in (
            ("accuracy", score.accuracy, score.accuracy_interval),
            ("macro_f1", score.macro_f1, score.macro_f1_interval),
        ):
            yield Metric(
                name=name,
                subject=method,
                value=value,
                implementation=score.implementation,
                n=score.n,
                slice=HELD_OUT,
                split=_split(evaluation, score.interval_over),
                ci_low=interval.low,
                ci_high=interval.high,
                **about,
            )
    for comparison in evaluation.comparisons:
        yield from _comparison_metrics(comparison, evaluation, about)
    for method, rejection in evaluation.rejections.items():
        yield from _rejection_metrics(method, rejection, evaluation, about)


def _comparison_metrics(
    one: Comparison, evaluation: AnnotationEvaluation, about: dict[str, str]
) -> Iterator[Metric]:
    shared = {
        "subject": f"{one.method} - {one.baseline}",
        "implementation": one.implementation,
        "n": one.n,
        "slice": HELD_OUT,
        "split": _split(evaluation, one.interval_over),
    }
    yield Metric(
        name=f"{one.metric}_difference",
        value=one.difference,
        ci_low=one.interval.low,
        ci_high=one.interval.high,
        **shared,
        **about,
    )
    yield Metric(
        name=f"{one.metric}_share_above_zero", value=one.share_above_zero, **shared, **about
    )
    if one.metric == "accuracy":
        yield Metric(name="mcnemar_p", value=one.mcnemar_p, **shared, **about)


def _rejection_metrics(
    method: str, score: RejectionScore, evaluation: AnnotationEvaluation, about: dict[str, str]
) -> Iterator[Metric]:
    shared = {
        "subject": method,
        "implementation": score.implementation,
        "split": _split(evaluation, score.interval_over),
    }
    yield Metric(
        name="left_out_rejected",
        value=score.rejected,
        n=score.n,
        slice="cells of left-out types",
        ci_low=score.rejected_interval.low,
        ci_high=score.rejected_interval.high,
        **shared,
        **about,
    )
    for name, value in (
        ("known_rejected", score.known_rejected),
        ("known_error", score.known_error),
    ):
        yield Metric(name=name, value=value, n=score.n_known, slice=HELD_OUT, **shared, **about)
    if method == OURS:
        for one in score.types:
            yield Metric(
                name="left_out_rejected",
                value=one.rejected,
                n=one.n,
                slice=f"cells of left-out type {one.cell_type}",
                ci_low=one.rejected_interval.low,
                ci_high=one.rejected_interval.high,
                **shared,
                **about,
            )


def _split(evaluation: AnnotationEvaluation, over: str) -> str:
    return f"{evaluation.split_kind}; intervals over {over}"
