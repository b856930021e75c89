import numpy as np
import pytest

from genemamba.atlas.cells.doublet_threshold import valley_threshold


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        # skimage.filters.threshold_minimum, scikit-image 0.26.0
        pytest.param(1, 0.22107696273986924, id="seed1"),
        pytest.param(2, 0.22815039842595156, id="seed2"),
        pytest.param(4, 0.21578778952393396, id="seed4"),
        pytest.param(5, 0.22168724804801773, id="seed5"),
        pytest.param(7, 0.20145265906254514, id="seed7"),
    ],
)
def test_threshold_is_that_of_scikit_image(seed, expected):
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(0.1, 0.03, 400), rng.normal(0.5, 0.1, 600)])

    assert valley_threshold(scores) == pytest.approx(expected, rel=1e-12)


def test_threshold_of_scores_that_take_few_values_is_that_of_scikit_image():
    scores = np.repeat([0.05, 0.1, 0.2, 0.6, 0.7, 0.8], [30, 60, 30, 30, 70, 20])

    assert valley_threshold(scores) == pytest.approx(0.40009765625, rel=1e-12)


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param([], id="none"),
        pytest.param([0.3] * 9, id="all-equal"),
        pytest.param(np.repeat(np.arange(256), np.arange(256, 0, -1)), id="falling"),
    ],
)
def test_scores_of_one_mode_have_no_threshold(scores):
    assert valley_threshold(np.asarray(scores, dtype=float)) is None
