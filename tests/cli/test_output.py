"""One JSON document or tables on stdout, everything else on stderr."""

import json
import math

from genemamba.cli.output import print_json, print_note, print_table, print_text


def test_numbers_that_json_lacks_become_null_at_any_depth(capsys):
    print_json({"a": [math.nan, {"b": math.inf, "c": 0.5}], "d": ("é", None, True)})

    assert json.loads(capsys.readouterr().out) == {
        "a": [None, {"b": None, "c": 0.5}],
        "d": ["é", None, True],
    }


def test_a_table_aligns_numbers_right_and_shows_three_decimals(capsys):
    print_table(["name", "value"], [["lung", 0.12345], ["skin", 12], ["none", None]])

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "name  value",
        "lung  0.123",
        "skin     12",
        "none      -",
    ]


def test_a_table_without_rows_has_its_headings(capsys):
    print_table(["name", "value"], [])

    assert capsys.readouterr().out.split() == ["name", "value"]


def test_a_long_path_in_a_table_stays_on_one_line(capsys):
    path = "/" + "/".join(["folder"] * 60)

    print_table(["where"], [[path]])

    assert path in capsys.readouterr().out.splitlines()


def test_square_brackets_in_a_table_are_shown_as_they_are(capsys):
    print_table(["name"], [["[bold]x[/bold]"], ["a[/]"]])

    assert capsys.readouterr().out.split() == ["name", "[bold]x[/bold]", "a[/]"]


def test_results_go_to_stdout_and_notes_to_stderr(capsys):
    print_text("result")
    print_note("note")

    assert capsys.readouterr() == ("result\n", "note\n")
