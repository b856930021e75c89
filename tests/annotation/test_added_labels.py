"""Labels that people add are matched with cells, or refused with all that is wrong with them."""

import numpy as np
import pandas as pd
import pytest

from genemamba import keys
from genemamba.annotation.added_labels import match_added_labels
from genemamba.annotation.label_file import BY_ID, BY_NAME, LabelFile
from genemamba.annotation.label_spelling import respelt
from genemamba.errors import SchemaError
from genemamba.keys import UNKNOWN

KNOWN = ("B cell", "CD4+ T cell")


def atlas_obs():
    """Twelve cells of deposit ``one`` and six of ``two``, whose names are partly the same."""
    ids = [f"aaa:c{i}" for i in range(12)] + [f"bbb:c{i}" for i in range(6)]
    obs = pd.DataFrame({keys.DEPOSIT: ["one"] * 12 + ["two"] * 6}, index=ids)
    obs[keys.CELL_TYPE] = pd.Categorical(["B cell"] * 2 + [UNKNOWN] * 16)
    return obs


def file_of(labels):
    """Build a file from cells, by id or by deposit and name, and their labels."""
    rows = [cell if isinstance(cell, tuple) else (cell,) for cell, _ in labels]
    return LabelFile(
        name="new.csv",
        digest="sha256:0",
        size_bytes=1,
        cell_columns=BY_NAME if len(rows[0]) == 2 else BY_ID,
        cells=tuple(rows),
        labels=tuple(label for _, label in labels),
    )


def cells(deposit, start, stop, label):
    return [(f"{deposit}:c{i}", label) for i in range(start, stop)]


def test_cells_are_found_by_id_in_whatever_order_they_are_listed():
    file = file_of([*cells("bbb", 0, 5, "MAIT"), *cells("aaa", 4, 9, "ILC")])

    added = match_added_labels(file, atlas_obs(), known=KNOWN)

    assert added.rows.tolist() == [*range(4, 9), *range(12, 17)]
    assert added.labels.tolist() == ["ILC"] * 5 + ["MAIT"] * 5
    assert added.counts == {"ILC": 5, "MAIT": 5}
    assert added.findings == ()


def test_cells_are_found_by_name_within_their_deposit():
    file = file_of([(("two", f"c{i}"), "MAIT") for i in range(5)])

    added = match_added_labels(file, atlas_obs(), known=KNOWN)

    assert added.rows.tolist() == [12, 13, 14, 15, 16]


def test_more_than_fifty_cells_are_fine():
    obs = pd.DataFrame(index=[f"aaa:c{i}" for i in range(80)])
    obs[keys.DEPOSIT], obs[keys.CELL_TYPE] = "one", UNKNOWN

    added = match_added_labels(file_of(cells("aaa", 0, 80, "MAIT")), obs, known=KNOWN)

    assert added.counts == {"MAIT": 80}


FIVE = cells("aaa", 2, 7, "MAIT")


@pytest.mark.parametrize(
    ("labels", "rule", "found"),
    [
        ([*FIVE, ("aaa:x", "MAIT")], "labels-unknown-cell", r"1 of 6 cells .* \(aaa:x\)"),
        ([*FIVE, ("aaa:c2", "MAIT")], "labels-repeated", r"1 cells are named twice \(aaa:c2\)"),
        (
            [*FIVE, ("aaa:c2", "B cell")],
            "labels-contradict",
            r"1 cells have two labels \(aaa:c2 \(B cell and MAIT\)\)",
        ),
        (FIVE[:4], "labels-too-few", r"1 new types have fewer than 5 cells \('MAIT' has 4\)"),
        ([*FIVE, ("aaa:c8", UNKNOWN)], "labels-no-type", "the label 'unknown' is no type"),
        (
            cells("aaa", 2, 7, "b-cells"),
            "labels-respelt",
            r"1 labels are another one spelt otherwise \('b-cells' for 'B cell'\)",
        ),
        (
            [*FIVE, *cells("bbb", 0, 5, "mait")],
            "labels-respelt",
            r"spelt otherwise \('mait' for 'MAIT'\)",
        ),
        (cells("aaa", 2, 7, "B cell"), "labels-nothing-new", r"no label is new \(B cell\)"),
    ],
    ids=[
        "unknown cell", "repeated", "contradictory", "too few", "no type", "known type respelt",
        "new type in two spellings", "nothing new",
    ],
)  # fmt: skip
def test_labels_that_cannot_be_learnt_from_are_refused(labels, rule, found):
    with pytest.raises(SchemaError, match=found) as refused:
        match_added_labels(file_of(labels), atlas_obs(), known=KNOWN)

    assert refused.value.rule == rule


def test_all_that_is_wrong_is_said_at_once():
    labels = [("aaa:x", "MAIT"), ("two:y", "MAIT"), ("aaa:c3", "ILC"), ("aaa:c3", "NKT")]

    with pytest.raises(SchemaError) as refused:
        match_added_labels(file_of(labels), atlas_obs(), known=KNOWN)

    assert refused.value.found == (
        "2 of 4 cells are not in this version (aaa:x, two:y); "
        "1 cells have two labels (aaa:c3 (ILC and NKT)); "
        "3 new types have fewer than 5 cells ('ILC' has 1, 'MAIT' has 2, 'NKT' has 1)"
    )
    assert "`genemamba export`" in refused.value.remedy


def test_what_is_to_be_looked_at_is_a_finding_and_known_types_are_not_learnt_again():
    labels = [*cells("aaa", 0, 5, "MAIT"), *cells("aaa", 7, 9, "B cell")]

    added = match_added_labels(file_of(labels), atlas_obs(), known=KNOWN)

    assert added.counts == {"MAIT": 5}
    assert [(each.rule, each.severity, each.count) for each in added.findings] == [
        ("labels-known-type", "warning", 2),
        ("labels-against-author", "warning", 2),
    ]
    assert added.findings[1].examples == ("aaa:c0 ('B cell')", "aaa:c1 ('B cell')")


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("b CELLS", "B cell"),
        ("B", "B cell"),
        ("T-cell", "T cell"),
        ("CD4-positive T", "CD4+ T cell"),
        ("monocytes", "Monocyte"),
        ("γδ T", "gamma-delta T cell"),
        ("plasma_cell", "Plasma cells"),
    ],
)
def test_one_type_in_two_spellings_is_seen(label, known):
    assert respelt([label], [known]) == {label: known}


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("CD4+ T", "CD4- T"),
        ("CD4 T", "CD8 T"),
        ("B cell", "T cell"),
        ("pre-B", "B"),
        ("alpha", "beta"),
        ("Mono 1", "Mono 2"),
        ("MAIT", "MAIT"),
    ],
)
def test_two_types_are_not_taken_for_one(label, known):
    assert respelt([label], [known]) == {}


def test_a_deposit_with_two_cells_of_one_name_does_not_guess():
    obs = atlas_obs()
    obs.index = [
        *obs.index[:11],
        "ccc:c0",
        *obs.index[12:],
    ]  # inherited: 'c0' of deposit 'one' twice

    with pytest.raises(SchemaError, match=r"1 of 5 cells are not in this version \(c0 of one\)"):
        match_added_labels(
            file_of([(("one", f"c{i}"), "MAIT") for i in range(5)]), obs, known=KNOWN
        )
    assert np.unique(obs.index).size == len(obs)
