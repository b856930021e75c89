"""A release of the Cell Ontology and a label mapping are artifacts of their own."""

import json
from pathlib import Path

import pytest

from genemamba.errors import InputError, SchemaError
from genemamba.ontology.mapping_file import propose_mapping, read_label_mapping, write_label_mapping
from genemamba.ontology.tables import load_ontology
from genemamba.storage import tree_manifest
from tasks.ontology import choose_terms
from tasks.workspace import Workspace
from tests.small_atlas import TYPES
from tests.small_version import small_version
from tests.support import package_file

OLDER = package_file("cellxgene_ontology_guide", "data/CL-ontology-v2025-07-30.json.zst")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace and the version of a small atlas in it."""
    folder = tmp_path_factory.mktemp("ontology")
    home = folder / "home"
    workspace = Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
    return workspace, small_version(workspace, folder)


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "labels.tsv"
    counts = dict.fromkeys([*TYPES, "bNeutrophils", "Rare"], 1)
    write_label_mapping(propose_mapping(counts, load_ontology()), path)
    return path


def test_the_release_and_the_file_are_recorded_once(made, mapping):
    workspace, version = made

    first, again = (choose_terms(workspace, version, str(mapping), None) for _ in range(2))

    assert first.mapping.artifact == again.mapping.artifact
    assert (again.release.reused, again.mapping.reused) == (True, True)
    release, labels = first.release.artifact, first.mapping.artifact
    assert json.loads(Path(release.uri).read_text()) == load_ontology().about == release.facets
    assert release.facets["release"] == "v2026-03-26"
    assert Path(labels.uri).read_bytes() == mapping.read_bytes()
    assert labels.digest == tree_manifest(labels.uri).digest
    assert dict(labels.facets) == {
        "name": "labels.tsv", "n_labels": 5, "n_used": 3, "n_to_review": 1,
    }  # fmt: skip
    assert [(edge.role, edge.artifact) for edge in first.inputs] == [
        ("ontology", release),
        ("label-mapping", labels),
    ]


def test_a_stage_reads_the_file_as_it_was_recorded(made, mapping):
    expected = read_label_mapping(mapping, load_ontology())
    chosen = choose_terms(*made, str(mapping), None)
    mapping.write_text("edited since\n")

    assert chosen.open() == (load_ontology(), expected)


def test_another_release_and_a_reviewed_file_are_other_inputs(made, mapping):
    first, older = (choose_terms(*made, str(mapping), file) for file in (None, str(OLDER)))
    mapping.write_text(mapping.read_text().replace("none\t0.0\tno", "none\t0.0\tyes"))
    reviewed = choose_terms(*made, str(mapping), None)

    digests = {
        tuple(edge.artifact.digest for edge in one.inputs) for one in (first, older, reviewed)
    }
    assert len(digests) == 3
    assert older.open()[0].release == "v2025-07-30"


def test_a_label_that_is_not_in_the_file_is_refused(made, mapping):
    lines = mapping.read_text().splitlines(keepends=True)
    mapping.write_text("".join(line for line in lines if not line.startswith("T cell")))

    with pytest.raises(SchemaError, match=r"found 1 that are not there: 'T cell'"):
        choose_terms(*made, str(mapping), None)


def test_without_a_file_nothing_is_chosen_and_a_release_alone_is_refused(made):
    assert choose_terms(*made, None, None) is None
    with pytest.raises(InputError, match=r"found .*v2025-07-30.* alone\. Name the file"):
        choose_terms(*made, None, str(OLDER))
