"""No cell, copy or donor is on both sides; splits are kept, and refused where they do not fit."""

import gzip

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genemamba.errors import SchemaError, SourceError
from genemamba.evaluation.annotation.protocols import split_atlas
from genemamba.evaluation.annotation.split_files import read_split, split_bytes
from genemamba.keys import UNKNOWN


def table(cells):
    labels, batches, donors, contents = (list(column) for column in zip(*cells, strict=True))
    return pd.DataFrame(
        {
            "cell_type": labels,
            "batch": batches,
            "deposit": "one",
            "content_hash": contents,
            "patient": donors,
        },
        index=[f"c{i}" for i in range(len(cells))],
    )


@pytest.fixture
def obs():
    """Four donors, of which x and y share a batch; 48 cells of three types."""
    return table(
        [(["B", "NK", "T"][i % 3], "pq"[i // 24], "xyzw"[i // 12], str(i)) for i in range(48)]
    )


def parts(split):
    return (
        split.kind,
        split.seed,
        dict(split.columns),
        split.summary,
        [(fold.name, fold.train.tolist(), fold.test.tolist()) for fold in split.folds],
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["B", "T", UNKNOWN]),
            st.sampled_from("pqr"),
            st.sampled_from(["x", "y", "z", ""]),
            st.sampled_from([str(i) for i in range(30)]),
        ),
        min_size=4,
        max_size=30,
    ),
    st.sampled_from([None, "donor", "batch"]),
)
def test_no_cell_copy_or_donor_is_ever_on_both_sides(cells, hold_out):
    obs = table(cells)
    try:
        split = split_atlas(obs, hold_out=hold_out, donor_key="patient", seed=0)
    except SchemaError:
        return

    for fold in split.folds:
        train, test = obs.iloc[fold.train], obs.iloc[fold.test]
        assert not set(train.index) & set(test.index)
        assert not set(train["content_hash"]) & set(test["content_hash"])
        assert not set(train["patient"]) & set(test["patient"]) - {""}
        assert train["cell_type"].nunique() > 1
        assert UNKNOWN not in {*train["cell_type"], *test["cell_type"]}


def test_donors_are_held_out_one_by_one(obs):
    split = split_atlas(obs, hold_out="donor", donor_key="patient", seed=0)

    assert split.kind == "held-out donor"
    assert [(fold.name, len(fold.test)) for fold in split.folds] == [(d, 12) for d in "wxyz"]
    assert dict(split.columns) == {"label": "cell_type", "donor": "patient"}


def test_a_batch_that_shares_a_donor_is_refused(obs):
    obs["patient"] = ["x"] * 30 + ["y"] * 18

    with pytest.raises(
        SchemaError, match="each donor on one side of every fold, found 'x' on both"
    ):
        split_atlas(obs, hold_out="batch", donor_key="patient", seed=0)


def test_donors_of_several_batches_are_held_out_where_nothing_is_asked_for(obs):
    obs["donor_id"] = list("xyzw") * 12

    assert split_atlas(obs, seed=0).kind == "held-out donor"
    assert split_atlas(obs.drop(columns="donor_id"), seed=0).kind == "held-out batch"


def test_a_left_out_type_is_scored_whole_and_never_learnt(obs):
    split = split_atlas(obs, hold_out="type", seed=0)

    assert [fold.name for fold in split.folds] == ["B", "NK", "T"]
    for fold in split.folds:
        assert fold.name not in set(obs["cell_type"].iloc[fold.train])
        assert (obs["cell_type"].iloc[fold.test] == fold.name).sum() == 16
        assert len(fold.test) == 16 + 2 * 3


@pytest.mark.parametrize("hold_out", ["donor", "batch", "cells", "type"])
def test_a_split_that_was_written_is_read_as_it_was(obs, tmp_path, hold_out):
    obs["donor_id"] = obs["patient"]
    split = split_atlas(obs, hold_out=hold_out, seed=4)
    path = tmp_path / "split.tsv.gz"
    path.write_bytes(split_bytes(split, obs.index))

    assert parts(read_split(str(path), obs)) == parts(split)
    assert split_bytes(split, obs.index) == path.read_bytes()
    back = obs.iloc[::-1]
    names = [
        back.index[fold.test].sort_values().tolist() for fold in read_split(str(path), back).folds
    ]
    assert names == [obs.index[fold.test].sort_values().tolist() for fold in split.folds]


@pytest.fixture
def stored(obs, tmp_path):
    path = tmp_path / "split.tsv.gz"
    path.write_bytes(split_bytes(split_atlas(obs, hold_out="batch", seed=0), obs.index))
    return path


def test_a_split_that_was_changed_is_refused(obs, stored):
    text = gzip.decompress(stored.read_bytes()).decode()
    stored.write_bytes(gzip.compress(text.replace("c0\ttest\ttrain", "c0\ttrain\ttest").encode()))

    with pytest.raises(SourceError, match="found another content"):
        read_split(str(stored), obs)


def test_a_file_that_is_no_split_is_refused(obs, tmp_path):
    path = tmp_path / "split.tsv.gz"
    path.write_bytes(gzip.compress(b"cell\trole\n"))

    with pytest.raises(SourceError, match="to be a split that genemamba wrote"):
        read_split(str(path), obs)


def test_cells_that_are_absent_are_counted(obs, stored):
    with pytest.raises(SchemaError, match="found 3 of 48 absent, such as 'c0'"):
        read_split(str(stored), obs.iloc[3:])


def test_a_split_with_a_donor_on_both_sides_is_refused(obs, stored):
    obs["patient"] = "x"

    with pytest.raises(SchemaError, match="found 'x' on both sides"):
        read_split(str(stored), obs, donor_key="patient")


def test_a_column_that_no_deposit_has_is_refused_with_those_that_are_there(obs):
    with pytest.raises(
        SchemaError, match="the column 'donor' in the cells of every deposit, found"
    ):
        split_atlas(obs, hold_out="donor", donor_key="donor", seed=0)
