"""``genemamba ontology``: terms shown, labels of an atlas mapped."""

import csv
import json

import pytest

from tasks.workspace import Workspace
from tests.small_version import small_version


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Home of a small atlas with labels of three types."""
    folder = tmp_path_factory.mktemp("ontology")
    home = folder / "home"
    small_version(Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db"), folder)
    return home


@pytest.fixture
def ontology(run, made, monkeypatch):
    monkeypatch.setenv("GENEMAMBA_HOME", str(made))
    return lambda *arguments: run("ontology", *arguments)


def rows_of(path):
    return {
        row["label"]: row for row in csv.DictReader(path.read_text().splitlines(), delimiter="\t")
    }


def test_map_writes_a_row_for_each_label_and_says_what_waits(ontology, tmp_path):
    out = tmp_path / "labels.tsv"

    done = ontology("map", "--atlas", "small", "--out", out)

    rows = rows_of(out)
    assert done.code == 0
    assert {
        label: (row["cl_id"], row["method"], row["reviewed"]) for label, row in rows.items()
    } == {
        "B cell": ("CL:0000236", "exact", "no"),
        "NK cell": ("CL:0000623", "synonym", "no"),
        "T cell": ("CL:0000084", "exact", "no"),
    }
    assert sum(int(row["n_cells"]) for row in rows.values()) == 60
    assert "small@1, Cell Ontology v2026-03-26" in done.out
    assert "0 suggestions wait for reviewed=yes" in done.err


def test_map_keeps_what_a_person_reviewed(ontology, tmp_path):
    out = tmp_path / "labels.tsv"
    ontology("map", "--atlas", "small@1", "--out", out)
    text = out.read_text().replace(
        "CL:0000236\tB cell\texact\t1.0\tno", "CL:0000788\t\tnone\t0\tyes"
    )
    out.write_text(text)

    done = ontology("map", "--atlas", "small", "--out", out, "--json")

    document = json.loads(done.out)
    assert (document["n_labels"], document["n_reviewed"], document["n_to_review"]) == (3, 1, 0)
    assert document["methods"] == {"exact": 1, "none": 1, "synonym": 1}
    assert rows_of(out)["B cell"]["cl_id"] == "CL:0000788"


def test_map_leaves_a_file_that_it_cannot_read_as_it_is(ontology, tmp_path):
    out = tmp_path / "notes.tsv"
    out.write_text("mine\n")

    done = ontology("map", "--atlas", "small", "--out", out)

    assert (done.code, out.read_text()) == (2, "mine\n")
    assert "to be a label mapping" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["map", "--atlas", "absent", "--out", "x.tsv"], 1, "absent"),
        (["map", "--atlas", "small", "--out", "nowhere/x.tsv"], 2, "a path in a folder"),
        (["map", "--atlas", "small", "--out", "x.tsv", "--ontology", "cl.owl"], 2, "another name"),
        (["show", "CL:404"], 2, "an id of the Cell Ontology v2026-03-26"),
    ],
    ids=["atlas", "folder", "release", "term"],
)
def test_what_is_not_there_is_refused(ontology, home, arguments, code, reason):
    (home.parent / "cl.owl").write_text("<owl/>")

    done = ontology(*arguments)

    assert (done.code, reason in done.err) == (code, True)
    assert not (home.parent / "x.tsv").exists()


def test_show_names_a_term_and_what_is_above_it(ontology):
    done = ontology("show", "CL:0000624", "--json")

    document = json.loads(done.out)
    assert document["label"] == "CD4-positive, alpha-beta T cell"
    assert document["parents"] == ["CL:0000791"]
    assert list(document["ancestors"])[-1] == "CL:0000000"
    assert document["ancestors"]["CL:0000084"] == "T cell"
    assert (document["n_descendants"], document["release"]) == (36, "v2026-03-26")
    assert "mature alpha-beta T cell" in ontology("show", "CL:0000624").out


def test_show_says_what_replaced_a_deprecated_term(ontology):
    assert "replaced by: CL:0000000" in ontology("show", "CL:0000003").out
