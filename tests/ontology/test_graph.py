"""The graph of terms: what is above, what is below, and how specific a term is."""

from math import log

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genemamba.ontology.graph import ROOT
from genemamba.ontology.tables import load_ontology
from tests.small_ontology import (
    CD4,
    CD8,
    CELL,
    CYTOTOXIC,
    LEUKOCYTE,
    LYMPHOCYTE,
    MYELOID,
    NK,
    OLD,
    T,
    small_ontology,
)


@st.composite
def graphs(draw):
    """Terms with a few parents each, all of them made before."""
    ids = [ROOT, *(f"CL:{i}" for i in range(1, draw(st.integers(2, 12))))]
    return {
        term: tuple(draw(st.sets(st.sampled_from(ids[:i]), min_size=1, max_size=3)) if i else ())
        for i, term in enumerate(ids)
    }


def test_terms_above_and_below_are_found_along_every_way():
    ontology = small_ontology()

    assert ontology.ancestors(CD8) == {T, LYMPHOCYTE, LEUKOCYTE, CYTOTOXIC, CELL}
    assert ontology.ancestors(CELL) == frozenset()
    assert ontology.descendants(CYTOTOXIC) == {CD8, NK}
    assert ontology.lineage(NK) == {NK, LYMPHOCYTE, LEUKOCYTE, CYTOTOXIC}
    assert ontology.lineage(CELL) == frozenset()


def test_depth_is_the_longest_way_up():
    assert [small_ontology().depth(term) for term in (CELL, CYTOTOXIC, NK, CD8)] == [0, 1, 3, 4]


def test_information_is_that_of_seco_veale_and_hayes():
    ontology = small_ontology()

    # Nine terms in use; T has two below it, the leukocyte six.
    assert ontology.information(CELL) == 0
    assert ontology.information(CD4) == 1
    assert ontology.information(T) == pytest.approx(1 - log(3) / log(9))
    assert ontology.information(LEUKOCYTE) == pytest.approx(1 - log(7) / log(9))


@pytest.mark.parametrize(
    ("terms", "shared"),
    [
        ([CD4, CD8], T),
        ([CD4, T], T),
        ([CD4], CD4),
        ([CD4, NK], LYMPHOCYTE),
        # Both share the lymphocyte and the cytotoxic cell: the latter has fewer terms below it.
        ([CD8, NK], CYTOTOXIC),
        ([CD8, NK, MYELOID], LEUKOCYTE),
        ([CYTOTOXIC, MYELOID], CELL),
    ],
    ids=["siblings", "parent", "itself", "uncle", "two ways", "three", "root"],
)
def test_the_most_specific_common_ancestor(terms, shared):
    assert small_ontology().common_ancestor(terms) == shared
    assert small_ontology().common_ancestor(terms[::-1]) == shared


def test_deprecated_terms_are_known_and_not_in_use():
    ontology = small_ontology()

    assert OLD in ontology.terms
    assert not ontology.is_in_use(OLD)
    assert not ontology.is_in_use("CL:404")
    assert ontology.is_in_use(T)


@settings(max_examples=50)
@given(graphs())
def test_any_graph_agrees_with_networkx(parents):
    ontology = small_ontology(parents)
    graph = nx.DiGraph([(above, term) for term, several in parents.items() for above in several])
    graph.add_nodes_from(parents)

    for term in parents:
        assert ontology.ancestors(term) == nx.ancestors(graph, term)
        assert ontology.descendants(term) == nx.descendants(graph, term)
        ways = nx.all_simple_paths(graph, ROOT, term) if term != ROOT else [[ROOT]]
        assert ontology.depth(term) == max(map(len, ways)) - 1


@settings(max_examples=50)
@given(graphs(), st.data())
def test_a_term_is_more_specific_than_each_of_its_ancestors(parents, data):
    ontology = small_ontology(parents)
    term = data.draw(st.sampled_from(sorted(parents)))
    others = data.draw(st.sets(st.sampled_from(sorted(parents)), min_size=1, max_size=3))

    assert all(ontology.information(term) > ontology.information(a) for a in parents[term])
    shared = ontology.common_ancestor(others)
    below = {one for one in parents if shared in ontology.ancestors(one)}
    common = set(parents).intersection(*(ontology.ancestors(one) | {one} for one in others))
    assert shared in common
    assert not common & below


def test_cd4_and_cd8_t_cells_meet_where_the_cell_ontology_says():
    ontology = load_ontology()

    assert ontology.label(ontology.common_ancestor(["CL:0000624", "CL:0000625"])) == (
        "mature alpha-beta T cell"
    )
    assert ontology.label(ontology.common_ancestor(["CL:0000236", "CL:0000084"])) == "lymphocyte"
    assert "CL:0000084" in ontology.ancestors("CL:0000624")
