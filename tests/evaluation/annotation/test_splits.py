"""Nobody is scored by a head that has seen the answer."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from genemamba.errors import SchemaError
from genemamba.evaluation.annotation.splits import split_labelled
from genemamba.keys import UNKNOWN


def rows(fold):
    return fold.name, fold.train.tolist(), fold.test.tolist()


def test_with_two_labelled_batches_each_batch_is_held_out_once():
    labels = ["B", "T", UNKNOWN, "T", "B", UNKNOWN]
    batch = ["x", "x", "x", "y", "y", "z"]

    split = split_labelled(labels, batch, seed=0)

    assert split.kind == "held-out batch"
    assert [rows(fold) for fold in split.folds] == [("x", [3, 4], [0, 1]), ("y", [0, 1], [3, 4])]
    assert split.summary == ("held-out batch: 4 of 4 labelled cells scored, 2 batches, 2 folds")


def test_a_type_that_one_batch_alone_has_is_scored_all_the_same():
    labels = ["B", "T", "B", "T", "NK"]
    batch = ["x", "x", "y", "y", "y"]

    split = split_labelled(labels, batch, seed=0)

    tested = np.concatenate([fold.test for fold in split.folds])
    assert sorted(tested.tolist()) == [0, 1, 2, 3, 4]


def test_with_labels_in_one_batch_a_stratified_fifth_of_its_cells_is_held_out():
    labels = ["B"] * 10 + ["T"] * 20 + ["NK"] * 2 + ["rare"] + [UNKNOWN] * 7
    batch = ["x"] * 33 + ["y"] * 7

    split = split_labelled(labels, batch, seed=0)

    (fold,) = split.folds
    held_out = [labels[row] for row in fold.test]
    assert split.kind == "held-out cells"
    assert {name: held_out.count(name) for name in set(held_out)} == {"B": 2, "T": 4, "NK": 1}
    assert sorted([*fold.train, *fold.test]) == list(range(33))
    assert split.summary == "held-out cells: 7 of 33 labelled cells scored, 1 batch, 1 fold"


def test_cells_are_held_out_where_a_held_out_batch_would_leave_one_type():
    labels = ["B", "B", "T", "T", "B", "B"]
    batch = ["x", "x", "x", "x", "y", "y"]

    assert split_labelled(labels, batch, seed=0).kind == "held-out cells"


def test_held_out_cells_depend_on_the_seed_alone():
    labels, batch = ["B", "T"] * 50, ["x"] * 100

    first, second, other = (split_labelled(labels, batch, seed=seed) for seed in (5, 5, 6))

    assert rows(first.folds[0]) == rows(second.folds[0])
    assert rows(first.folds[0]) != rows(other.folds[0])


def test_many_batches_are_held_out_in_even_groups():
    batch = np.repeat([f"donor {i:02}" for i in range(24)], 4)
    labels = np.tile(["B", "T"], 48)

    split = split_labelled(labels, batch, seed=0, max_folds=6)

    assert [len(fold.test) for fold in split.folds] == [16] * 6
    assert split.n_groups == 24
    for fold in split.folds:
        assert not set(batch[fold.train]) & set(batch[fold.test])


def test_one_cell_of_each_type_is_scored_where_each_has_a_batch_of_its_own():
    split = split_labelled(["B", "T", "NK", UNKNOWN], list("xyzx"), seed=0)

    assert [rows(fold) for fold in split.folds] == [
        ("x", [1, 2], [0]),
        ("y", [0, 2], [1]),
        ("z", [0, 1], [2]),
    ]


@given(
    cells=st.lists(
        st.tuples(st.sampled_from(["B", "T", "NK", UNKNOWN]), st.sampled_from("xyz")),
        min_size=6,
        max_size=40,
    ),
    seed=st.integers(0, 3),
)
def test_whatever_the_labels_no_cell_is_scored_twice_or_by_itself(cells, seed):
    labels, batch = (list(column) for column in zip(*cells, strict=True))
    known = [label for label in labels if label != UNKNOWN]
    of_type = Counter(known)
    in_one_batch = len({b for label, b in cells if label != UNKNOWN}) < 2
    if len(of_type) < 2 or (in_one_batch and max(of_type.values()) < 2):
        with pytest.raises(SchemaError, match="two or more types"):
            split_labelled(labels, batch, seed=seed)
        return
    assume(max(of_type.values()) > 1)

    split = split_labelled(labels, batch, seed=seed)

    tested = np.concatenate([fold.test for fold in split.folds])
    assert len(tested) == len(set(tested)) == split.n_test > 0
    for fold in split.folds:
        assert not set(fold.train) & set(fold.test)
        assert UNKNOWN not in {labels[row] for row in [*fold.train, *fold.test]}
        assert len({labels[row] for row in fold.train}) > 1


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([UNKNOWN] * 4, "found no labelled cell"),
        (["B"] * 4, "found 4 of 'B'"),
        (["B", "T", "NK", UNKNOWN], "found 1 of 'B', 1 of 'NK', 1 of 'T'"),
    ],
    ids=["unlabelled", "one type", "one cell of each type"],
)
def test_labels_of_which_nothing_can_be_held_out_are_refused(labels, found):
    with pytest.raises(SchemaError, match=found):
        split_labelled(labels, ["x"] * 4, seed=0)


def test_a_copy_of_a_held_out_cell_in_another_batch_is_not_learnt_from():
    labels = ["B", "T", "NK", "T", "B", "NK"]
    batch = ["x", "x", "x", "y", "y", "y"]
    content = ["a", "b", "c", "b", "d", "e"]

    split = split_labelled(labels, batch, content_hash=content, seed=0)

    assert [rows(fold) for fold in split.folds] == [
        ("x", [4, 5], [0, 1, 2]),
        ("y", [0, 2], [3, 4, 5]),
    ]
    assert split.n_copies == 2
    assert split_labelled(labels, batch, seed=0).n_copies == 0


def test_batches_that_are_copies_of_each_other_leave_cells_to_hold_out():
    labels = ["B", "T"] * 20
    batch = ["x"] * 20 + ["y"] * 20
    content = [*range(20), *range(20)]

    split = split_labelled(labels, batch, content_hash=content, seed=0)

    (fold,) = split.folds
    learnt, scored = ({content[row] for row in part} for part in (fold.train, fold.test))
    assert split.kind == "held-out cells"
    assert learnt & scored == set()
    assert split.n_copies == 40 - len(fold.train) - len(fold.test) > 0


def test_cells_that_are_all_alike_teach_nothing():
    with pytest.raises(
        SchemaError, match="found no cell where 'cells' is held out without 8 copies"
    ):
        split_labelled(["B", "T"] * 5, ["x"] * 10, content_hash=["a"] * 10, seed=0)
