"""The ontologies, without which no deposit can be checked."""

import pytest

from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from tests.atlas.standards.cellxgene.term_examples import ASSAYS, LISTS, TERMS
from tests.atlas.standards.cellxgene.uns_examples import ORGANISMS, STRAINS


@pytest.fixture(scope="session", autouse=True)
def ontologies() -> Ontologies:
    """The terms of all examples, read at once; the tests skip where they are absent."""
    pytest.importorskip(
        "cellxgene_ontology_guide", reason="the extra cellxgene is absent: no ontologies"
    )
    found = Ontologies.load()
    values = {value for _, _, _, several in TERMS for value in several.split()}
    parts = {part for _, *several in LISTS for part in several}
    terms = {value.removeprefix("anti-") for value in values}
    found.look_up(terms | parts | set(ASSAYS) | {*ORGANISMS, *STRAINS})
    return found
