"""What is written of an evaluation is what is read."""

import json

import numpy as np
import pytest

from genemamba.evaluation.annotation.comparison import compare_with_best
from genemamba.evaluation.annotation.evaluation import AnnotationEvaluation
from genemamba.evaluation.annotation.files import CALLS_FILE
from genemamba.evaluation.annotation.folds import Fold, Split
from genemamba.evaluation.annotation.rejection import score_rejection
from genemamba.evaluation.annotation.scores import score_annotation
from genemamba.evaluation.annotation.transfer import HeldOutLabels
from genemamba.evaluation.atlas import AtlasEvaluation
from genemamba.evaluation.files import LAYOUTS_FILE, SCORES_FILE, read_evaluation, write_evaluation
from genemamba.evaluation.integration.scores import IntegrationScore, IntegrationScores
from genemamba.keys import UNKNOWN, X_GENEMAMBA, X_PCA


def scored(**values):
    facts = {"metric": "clisi_knn", "embedding": X_PCA, "group": "bio", "n": 9, "slice": "all"}
    return IntegrationScore(**{**facts, "implementation": "scib-metrics@0.5.10", **values})


def called(truth, predicted):
    return HeldOutLabels(
        rows=np.array([9, 4, 2, 7, 1]),
        fold=np.array([0, 0, 0, 1, 1]),
        truth=np.array(truth, dtype=object),
        predicted=np.array(predicted, dtype=object),
        confidence=np.array([0.1, 0.25, 1.0, 0.5, 0.125]),
    )


@pytest.fixture
def annotation():
    truth = ["T", "B", "B", "T", "naïve"]
    calls = {
        "zeroth": called(truth, truth),
        "a method": called(truth, [UNKNOWN, "B", "T", "T", "B"]),
    }
    scores = {
        name: score_annotation(one.truth, one.predicted, seed=0, n_resamples=20)
        for name, one in calls.items()
    }
    fold = Fold("T", np.array([0]), np.array([9, 4, 2]))
    split = Split(kind="left-out type", folds=(fold, fold), n_labelled=9, n_groups=2)
    return AnnotationEvaluation(
        split_kind="held-out cells",
        split="held-out cells: 5 cells",
        scores=scores,
        comparisons=compare_with_best("zeroth", calls, scores, seed=0, n_resamples=20),
        rejections={name: score_rejection(one, split, seed=0) for name, one in calls.items()},
        calls=calls,
        notes=("A note.", "Another."),
    )


@pytest.fixture
def evaluation(annotation):
    scores = (scored(value=0.1 + 0.2), scored(value=float("nan"), note="ValueError: too few"))
    return AtlasEvaluation(
        integration=IntegrationScores(scores=scores, notes=("One batch.",)),
        annotation=annotation,
        drawn_rows=np.array([0, 2, 5]),
        umap={X_GENEMAMBA: np.array([[0.1, 1], [2, 3], [4, 5]], dtype=np.float32)},
    )


def parts(evaluation):
    """Everything in it, as values that compare; NaN as text, as it is unequal to itself."""
    return {
        "scores": [repr(score) for score in evaluation.integration.scores],
        "notes": (evaluation.integration.notes, evaluation.annotation.notes),
        "split": (evaluation.annotation.split_kind, evaluation.annotation.split),
        "comparisons": evaluation.annotation.comparisons,
        "rejections": repr(evaluation.annotation.rejections),
        "calls": [
            (name, *(values.tolist() for values in one))
            for name, one in evaluation.annotation.calls.items()
        ],
        "annotation": [
            (
                name,
                *(score.n, score.accuracy, score.accuracy_interval),
                *(score.macro_f1, score.macro_f1_interval, score.types),
                *(score.implementation, score.confusion.truth, score.confusion.predicted),
                score.confusion.counts.tolist(),
            )
            for name, score in evaluation.annotation.scores.items()
        ],
        "drawn": evaluation.drawn_rows.tolist(),
        "umap": {name: (str(xy.dtype), xy.tolist()) for name, xy in evaluation.umap.items()},
    }


def test_an_evaluation_that_was_written_is_read_as_it_was(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path)

    assert parts(read_evaluation(tmp_path)) == parts(evaluation)


def test_an_evaluation_without_annotation_is_read_as_it_was(evaluation, tmp_path):
    bare = AtlasEvaluation(
        integration=evaluation.integration,
        annotation=AnnotationEvaluation(notes=("Annotation cannot be scored.",)),
        drawn_rows=evaluation.drawn_rows,
        umap={},
    )

    write_evaluation(bare, tmp_path)

    assert parts(read_evaluation(tmp_path)) == parts(bare)


def test_equal_evaluations_give_equal_bytes(evaluation, tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        write_evaluation(evaluation, folder)

    first, second = (
        [(folder / file).read_bytes() for file in (SCORES_FILE, LAYOUTS_FILE, CALLS_FILE)]
        for folder in folders
    )
    assert first == second


def test_a_number_that_json_lacks_is_null_in_the_file(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path)

    document = json.loads((tmp_path / SCORES_FILE).read_text())
    assert [score["value"] for score in document["integration"]] == [0.1 + 0.2, None]
