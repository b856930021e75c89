"""The gene reference of an ingest is an artifact of its own, on record once."""

import json
from pathlib import Path

import pytest

from genemamba.atlas.genes.tables import load_reference
from genemamba.errors import SourceError
from genemamba.storage import tree_manifest
from tasks.reference import open_reference, record_reference

CD4 = "ENSG00000010610"
HGNC = (
    "symbol\tstatus\talias_symbol\tprev_symbol\tensembl_gene_id\n"
    f"CD4\tApproved\tNEWALIAS4\t\t{CD4}\n"
)


@pytest.fixture
def hgnc(tmp_path):
    path = tmp_path / "hgnc.txt"
    path.write_text(HGNC)
    return path


def test_the_packaged_genes_are_the_default():
    assert open_reference(None).digest == load_reference().digest


def test_an_hgnc_file_adds_its_aliases_and_is_another_reference(hgnc):
    found = open_reference(str(hgnc))

    assert (found.match("NEWALIAS4").ensembl_id, found.match("NEWALIAS4").status) == (CD4, "alias")
    assert open_reference(None).match("NEWALIAS4").status == "unknown"
    assert found.digest != load_reference().digest


def test_a_missing_hgnc_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"absent\.txt to be HGNC's table.*cannot be read"):
        open_reference(str(tmp_path / "absent.txt"))


def test_what_is_known_of_a_reference_is_published_as_json(workspace):
    reference = load_reference()

    stage = record_reference(workspace, reference)

    path = Path(stage.artifact.uri)
    assert (stage.stage, stage.artifact.kind, path.suffix) == (
        *("reference", "gene-reference", ".json"),
    )
    assert json.loads(path.read_text()) == dict(reference.about) == stage.artifact.facets
    assert reference.about["digest"] == reference.digest
    assert tree_manifest(str(path)).digest == stage.artifact.digest


def test_one_reference_is_recorded_once_and_another_beside_it(workspace, hgnc):
    first, again = (record_reference(workspace, load_reference()) for _ in range(2))
    other = record_reference(workspace, open_reference(str(hgnc)))

    assert (first.reused, again.reused, other.reused) == (False, True, False)
    assert again.run_id == first.run_id
    assert other.artifact.digest != first.artifact.digest
