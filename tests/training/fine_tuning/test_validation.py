"""Which cells tell when to stop."""

import numpy as np
import pytest

from genemamba.training.fine_tuning.validation import validation_split

CLASSES = np.arange(100) % 2
LENGTHS = np.full(100, 5)


def test_the_batch_nearest_to_the_fraction_is_held_out():
    batch = np.repeat(["a", "b", "c"], [60, 25, 15])

    split = validation_split(CLASSES, batch, LENGTHS, fraction=0.1, seed=0)

    assert set(batch[split.heldout]) == {"c"}
    assert set(batch[split.train]) == {"a", "b"}


def test_a_batch_with_a_class_of_its_own_is_not_held_out():
    batch = np.repeat(["a", "b", "c"], [60, 25, 15])
    classes = np.where(batch == "c", 2, CLASSES)

    split = validation_split(classes, batch, LENGTHS, fraction=0.1, seed=0)

    assert set(batch[split.heldout]) == {"b"}


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(np.repeat(["a", "b"], 50), id="two-batches"),
        pytest.param(np.repeat(["a"], 100), id="one-batch"),
    ],
)
def test_with_few_batches_a_share_of_each_class_is_held_out(batch):
    classes = np.repeat([0, 1, 2], [60, 35, 5])

    split = validation_split(classes, batch, LENGTHS, fraction=0.1, seed=0)

    assert np.bincount(classes[split.heldout], minlength=3).tolist() == [6, 3, 0]
    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(100))


def test_cells_without_label_or_token_are_in_neither_part():
    classes, lengths = CLASSES.copy(), LENGTHS.copy()
    classes[:10] = -1
    lengths[90:] = 0

    split = validation_split(classes, np.repeat(["a"], 100), lengths, fraction=0.2, seed=0)

    assert np.array_equal(np.sort(np.concatenate(split)), np.arange(10, 90))


def test_no_fraction_holds_out_none():
    split = validation_split(CLASSES, np.repeat(["a"], 100), LENGTHS, fraction=0.0, seed=0)

    assert (len(split.train), len(split.heldout)) == (100, 0)
