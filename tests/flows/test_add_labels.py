"""``genemamba annotate --add-labels`` as a user runs it."""

from pathlib import Path

import anndata as ad
import pytest
from click.testing import CliRunner

from flows.commands import annotate as annotate_command
from tests.small_home import small_home
from tests.support import genemamba


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_home(tmp_path_factory.mktemp("small"))


def annotate(small, *options):
    home = Path(small.workspace.home)
    return genemamba(home, "annotate", "--atlas", "small", *options, "--json")


def test_types_are_added_from_a_file_and_undone_without_it(small, tmp_path):
    cells = ad.read_zarr(small.annotation.artifact.uri).obs_names[:6]
    path = tmp_path / "new.tsv"
    path.write_text("cell_id\tlabel\n" + "".join(f"{cell}\tMAIT\n" for cell in cells))

    added = annotate(small, "--add-labels", path)
    undone = annotate(small)

    assert (added.returncode, added.stderr) == (0, "")
    assert added.document["added_types"] == {"MAIT": 6}
    rules = [finding["rule"] for finding in added.document["findings"]]
    assert rules == ["labels-against-author"]
    store = ad.read_zarr(added.document["annotation_store"])
    assert list(store.uns["genemamba"]["labelling"]["classes"]) == [
        "B cell",
        "MAIT",
        "NK cell",
        "T cell",
    ]
    assert (undone.returncode, undone.stderr) == (0, "")
    assert "added_types" not in undone.document
    labels = {stage["stage"]: stage["label"] for stage in undone.document["stages"]}
    assert labels["annotate"] == "small@3"


def test_a_file_with_an_unknown_cell_is_refused_with_exit_code_two(small, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("cell_id,label\na,MAIT\n")

    refused = annotate(small, "--add-labels", path)

    assert refused.returncode == 2
    assert "1 of 1 cells are not in this version (a)" in " ".join(refused.stderr.split())


def test_what_is_no_table_of_labels_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setenv("GENEMAMBA_HOME", str(tmp_path / "home"))
    path = tmp_path / "bad.csv"
    path.write_text("cell,type\na,MAIT\n")

    refused = CliRunner().invoke(annotate_command, ["--atlas", "a", "--add-labels", str(path)])

    assert refused.exit_code == 2
    assert "found the columns 'cell', 'type'" in " ".join(refused.stderr.split())
    assert not (tmp_path / "home").exists()
