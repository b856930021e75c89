"""The mapping file is written for a person, and believed only where it can be."""

import pytest

from genemamba.errors import SchemaError, SourceError
from genemamba.ontology.mapping_file import (
    MappingRow,
    propose_mapping,
    read_label_mapping,
    write_label_mapping,
)
from tests.small_ontology import CD4, CELL, GONE, NK, OLD, T, small_ontology

COUNTS = {"T cells": 5, "NK": 2, "natural kilr cell": 7, "Rare": 1, "unknown": 30}
HEADER = "\t".join(MappingRow._fields)


@pytest.fixture
def ontology():
    return small_ontology()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.tsv"


def write(path, *rows):
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def test_each_label_gets_a_row_the_most_frequent_first(ontology):
    assert propose_mapping(COUNTS, ontology) == (
        MappingRow("natural kilr cell", 7, NK, "natural killer cell", "fuzzy-suggestion", 0.944, "no"),
        MappingRow("T cells", 5, T, "T cell", "normalised", 1.0, "no"),
        MappingRow("NK", 2, NK, "natural killer cell", "normalised", 1.0, "no"),
        MappingRow("Rare", 1, "", "", "none", 0.0, "no"),
    )  # fmt: skip


def test_a_file_is_read_as_it_was_written(ontology, path):
    odd = {'a "quoted"\tlabel': 1, "two\nlines": 1, "T cell ": 1, "#": 1}
    rows = propose_mapping(COUNTS | odd, ontology)

    write_label_mapping(rows, path)

    assert read_label_mapping(path, ontology).rows == rows
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_suggestion_counts_only_when_a_person_stands_for_it(ontology, path):
    rows = propose_mapping(COUNTS, ontology)
    write_label_mapping(rows, path)
    assert read_label_mapping(path, ontology).terms == {"T cells": T, "NK": NK}
    assert read_label_mapping(path, ontology).pending == ("natural kilr cell",)

    write_label_mapping([rows[0]._replace(reviewed="yes"), *rows[1:]], path)

    mapping = read_label_mapping(path, ontology)
    assert mapping.terms == {"T cells": T, "NK": NK, "natural kilr cell": NK}
    assert mapping.pending == ()


def test_a_person_overrules_a_rule_and_says_that_a_label_means_nothing(ontology, path):
    write(
        path,
        f"T cells\t5\t{CD4}\tCD4-positive T cell\tnormalised\t1.0\tyes",
        "NK\t2\t\t\tnormalised\t1.0\tyes",
    )

    mapping = read_label_mapping(path, ontology)

    assert mapping.terms == {"T cells": CD4}
    mapping.check_covers(["NK", "T cells", "unknown"])


def test_rows_that_a_person_stands_for_outlive_a_new_proposal(ontology):
    kept = MappingRow("Rare", 9, CD4, "CD4-positive T cell", "none", 0.0, "yes")
    gone = MappingRow("Old label", 4, T, "T cell", "none", 0.0, "yes")
    unreviewed = MappingRow("NK", 2, CD4, "CD4-positive T cell", "fuzzy-suggestion", 0.8, "no")

    rows = propose_mapping(COUNTS, ontology, kept=[kept, gone, unreviewed])

    by_label = {row.label: row for row in rows}
    assert by_label["Rare"] == kept._replace(n_cells=1)
    assert by_label["Old label"] == gone._replace(n_cells=0)
    assert by_label["NK"].cl_id == NK


def test_a_changed_file_has_another_digest(ontology, path):
    first = read_label_mapping(write(path, "a\t1\t\t\tnone\t0\tno"), ontology).digest

    assert read_label_mapping(write(path, "a\t1\t\t\tnone\t0\tyes"), ontology).digest != first


def test_labels_that_are_not_in_the_file_are_refused(ontology, path):
    mapping = read_label_mapping(write(path, "a\t1\t\t\tnone\t0\tno"), ontology)

    mapping.check_covers(["a", "unknown"])
    with pytest.raises(
        SchemaError,
        match=r"in labels\.tsv, found 2 .*: 'b'; 'c'\. Add them with genemamba ontology",
    ) as refused:
        mapping.check_covers(["c", "a", "b", "unknown"])
    assert (refused.value.count, refused.value.examples) == (2, ("b", "c"))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("a\t1\tCL:404\t\tnone\t0\tno", r"line 2: 'CL:404', which is no term"),
        (
            f"a\t1\t{OLD}\t\tnone\t0\tno",
            rf"line 2: {OLD}, which is deprecated: write {T} in its place",
        ),
        (f"a\t1\t{GONE}\t\tnone\t0\tyes", rf"{GONE}, which is deprecated: write nothing"),
        (f"a\t1\t{CELL}\t\tnone\t0\tyes", rf"{CELL}, which is any cell"),
        (f"a\t1\t{NK}\tT cell\tnone\t0\tno", f"{NK}, which is 'natural killer cell', not 'T cell'"),
        ("a\t1\t\t\tguess\t0\tno", "method 'guess'"),
        ("a\t1\t\t\tnone\t0\tperhaps", "reviewed 'perhaps', neither yes nor no"),
        ("a\tmany\t\t\tnone\t0\tno", "'many' cells"),
        ("a\t1\t\t\tnone\tnan\tno", "score 'nan'"),
        ("a\t1\t\t\tnone\thigh\tno", "score 'high'"),
        ("a\t1\t\t\tnone\t0", "other than 7 columns"),
        ("a\t1\t\t\tnone\t0\tno\textra", "other than 7 columns"),
        ("a\t1\t\t\tnone\t0\tno\na\t1\t\t\tnone\t0\tno", "line 3: the label 'a' again"),
    ],
    ids=[
        *("unknown id", "deprecated", "deprecated, no replacement", "root", "other label"),
        *("method", "reviewed", "cells", "score nan", "score", "short", "long", "twice"),
    ],
)
def test_a_row_that_cannot_be_believed_is_refused(ontology, path, row, found):
    with pytest.raises(
        SchemaError, match=rf"Cell Ontology v1.*labels\.tsv, found 1 faults: .*{found}"
    ):
        read_label_mapping(write(path, row), ontology)


def test_all_faults_are_counted_and_the_first_are_named(ontology, path):
    rows = [f"label{i}\t1\tCL:{400 + i}\t\tnone\t0\tno" for i in range(7)]

    with pytest.raises(SchemaError, match=r"7 faults: line 2.*line 6[^;]*and 2 more") as refused:
        read_label_mapping(write(path, *rows), ontology)
    assert refused.value.count == 7


def test_a_file_that_is_no_mapping_is_refused(ontology, tmp_path):
    other, binary = tmp_path / "other.tsv", tmp_path / "binary.tsv"
    other.write_text("label\tcl_id\na\t\n")
    binary.write_bytes(b"\xff\xfe\x00")

    for path, found in (
        (other, "no column n_cells, cl_label, method, score, reviewed"),
        (binary, "bytes that are no text"),
        (tmp_path / "absent.tsv", "one that cannot be read"),
    ):
        with pytest.raises(SourceError, match=rf"{path.name} to be a label mapping, found {found}"):
            read_label_mapping(path, ontology)
