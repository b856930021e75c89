import numpy as np
import pytest

from genemamba.atlas.versions.left_out import (
    InheritedIds,
    LeftOut,
    describe_inheritance,
    inherit_ids,
    left_out_rows,
)
from genemamba.errors import StoreError


def ids(*texts):
    return np.asarray(texts, dtype=object)


def test_inherited_ids_come_back_and_names_that_are_the_rows_own_take_no_room():
    own = ids("b:x", "b:y", "b:z", "b:w", "b:v:1")
    rows = np.asarray([0, 1, 3, 4])
    inherited = ids("a:x", "a:other", "c:w", "a:v:1")

    parts = describe_inheritance(rows, own[rows], inherited)

    assert parts == (
        InheritedIds(deposit="a", rows="1", names=("other",)),
        InheritedIds(deposit="a", rows="0,4"),
        InheritedIds(deposit="c", rows="3"),
    )
    assert inherit_ids(own, parts).tolist() == ["a:x", "a:other", "b:z", "c:w", "a:v:1"]
    assert own[0] == "b:x"


def test_rows_of_all_reasons_are_left_out_once():
    parts = (
        LeftOut(reason="quality", rows="5"),
        LeftOut(reason="duplicate", rows="0-2", kept_by="a"),
    )

    assert left_out_rows(parts).tolist() == [0, 1, 2, 5]
    assert left_out_rows(()).tolist() == []
    with pytest.raises(StoreError, match="left out once, found 1 doubled"):
        left_out_rows((*parts, LeftOut(reason="duplicate", rows="2", kept_by="b")))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"reason": "ugly"}, "Expected one of the reasons", id="reason"),
        pytest.param({"reason": "duplicate"}, "a keeper of duplicates only", id="no keeper"),
        pytest.param(
            {"reason": "quality", "kept_by": "a"}, "duplicates only, found 'a'", id="both"
        ),
    ],
)
def test_a_reason_without_sense_is_refused(fields, message):
    with pytest.raises(StoreError, match=message):
        LeftOut(rows="1", **fields)


def test_as_many_names_as_rows_are_inherited():
    with pytest.raises(StoreError, match="Expected 2 inherited names, found 1"):
        InheritedIds(deposit="a", rows="1-2", names=("x",))
