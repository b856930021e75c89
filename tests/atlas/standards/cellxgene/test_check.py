"""The verdicts are those of the published validator, on its own examples."""

import anndata
import pytest

from genemamba.atlas.standards.cellxgene import ontology
from genemamba.atlas.standards.cellxgene.check import check_cellxgene
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.errors import InputError, SourceError
from tests.atlas.standards.cellxgene import deposits
from tests.atlas.standards.cellxgene.agreement import DOCUMENT, assert_agreement
from tests.atlas.standards.cellxgene.examples import EXAMPLES, TERM_EXAMPLES


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in TERM_EXAMPLES])
def test_the_verdict_is_that_of_the_published_validator(name, tmp_path):
    path = tmp_path / "example.h5ad"
    EXAMPLES[name].make().write_h5ad(path)
    assert_agreement(name, check_cellxgene(path))


def test_every_example_has_a_published_verdict():
    assert set(DOCUMENT["verdicts"]) == set(EXAMPLES)
    assert DOCUMENT["versions"]["cellxgene-schema"] == "7.1.2"


@pytest.mark.filterwarnings("ignore:(Writing zarr v2|zarr v3 autosharding|Consolidated metadata)")
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("name", ["human", "visium", "guides", "human empty cell [raw]",
                                  "human csc [X]", "line donor [donor_id]"])  # fmt: skip
def test_zarr_and_h5ad_have_the_same_findings(name, zarr_format, tmp_path):
    adata = EXAMPLES[name].make()
    adata.write_h5ad(tmp_path / "example.h5ad")
    with anndata.settings.override(zarr_write_format=zarr_format):
        adata.write_zarr(tmp_path / "example.zarr")
    found = check_cellxgene(tmp_path / "example.zarr")
    assert found == check_cellxgene(tmp_path / "example.h5ad")


def test_findings_name_the_schema_the_field_and_the_cells(tmp_path):
    adata = deposits.human()
    adata.obs["sex_ontology_term_id"] = ["PATO:0000461", "PATO:0000383"]
    adata.write_h5ad(tmp_path / "example.h5ad")
    version, *found = check_cellxgene(tmp_path / "example.h5ad")
    assert (version.rule, version.severity) == ("cellxgene-version", "note")
    assert "CELLxGENE schema 7.1.0" in version.message
    assert {
        (finding.rule, finding.severity, finding.count, finding.examples)
        for finding in found
        if finding.severity == "error"
    } == {("cellxgene-obs-sex-ontology-term-id-term", "error", 1, ("PATO:0000461",))}


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "example.h5ad"
    deposits.human().write_h5ad(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(SourceError, match="whole AnnData file"):
        check_cellxgene(path)


def test_absent_ontologies_are_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setattr(ontology, "PACKAGE", "no_such_package")
    monkeypatch.setattr(
        Ontologies, "load", Ontologies.load.__func__.__wrapped__.__get__(Ontologies)
    )
    with pytest.raises(InputError, match=r"genemamba-atlas\[cellxgene\]"):
        Ontologies.load()


def test_terms_are_found_wherever_they_lie_in_a_file(monkeypatch, ontologies):
    monkeypatch.setattr(ontology, "WINDOW", 4096)
    monkeypatch.setattr(ontology, "LONGEST", 16384)
    ids = ["CL:0000540", "CL:0000000", "CL:0000003", "CL:0000236", "CL:9999999", "MONDO:0100096"]
    fresh = Ontologies.load.__func__.__wrapped__(Ontologies)
    assert [fresh.term(term_id) for term_id in ids] == [ontologies.term(term_id) for term_id in ids]
    neuron = ontologies.term("CL:0000540")
    assert neuron is not None
    assert (neuron.ontology, neuron.deprecated) == ("CL", False)
    assert {"CL:0000393", "CL:0002319", "CL:0000000"} <= neuron.ancestors
