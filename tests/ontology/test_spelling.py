"""Names of one type of cell have one spelling, those of different types have two."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genemamba.ontology.conventions import expand
from genemamba.ontology.spelling import is_compound, key, plain, words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CD14+ Monocytes", ("cd14=pos", "monocyte")),
        ("CD14-positive monocyte", ("cd14=pos", "monocyte")),
        ("CD14⁺ monocyte", ("cd14=pos", "monocyte")),
        ("CD14pos monocytes", ("cd14=pos", "monocyte")),
        ("FCGR3A+ Monocytes", ("cd16=pos", "monocyte")),
        ("CD56bright NK", ("cd56=bright", "nk")),
        ("CD4- T", ("cd4=neg", "t")),
        ("CD4-T", ("cd4=pos", "t")),
        ("CD14-low, CD16-positive monocyte", ("cd14=low", "cd16=pos", "monocyte")),
        ("γδ T\N{EN DASH}cell", ("gamma", "delta", "t")),
        ("gd T cells", ("gamma", "delta", "t")),
        ("Ig-λ B cell", ("ig", "lambda", "b")),
        ("B-cells", ("b",)),
        ("B_cells", ("b",)),
        ("mast", ("mast",)),
        ("Plasma Cells", ("plasma",)),
        ("haematopoietic stem cell", ("hematopoietic", "stem")),
        ("type II pneumocytes", ("type", "2", "pneumocyte")),
        ("DCs", ("dc",)),
        ("nucleus pulposus cell", ("nucleus", "pulposus")),
        ("antibodies", ("antibody",)),
        ("cells", ()),
    ],
    ids=str,
)  # fmt: skip
def test_a_name_is_brought_to_one_spelling(name, expected):
    assert words(name) == expected


def test_the_order_of_words_does_not_matter():
    assert key("Mono_CD14") == key("CD14 Mono") == ("cd14=pos", "mono")


def test_signs_of_two_markers_are_not_exchanged():
    assert key("CD14+ CD16- monocyte") != key("CD14- CD16+ monocyte")


def test_dashes_greek_letters_and_case_are_made_plain():
    assert plain("  αβ  T\N{EN DASH}Cell ") == "alphabeta t-cell"


@pytest.mark.parametrize(
    ("name", "compound"),
    [
        ("Microglia/Macrophage", True),
        ("CD4+ Memory/Effector T", True),
        ("T and NK cells", True),
        ("CD4+/CD45RA+/CD25- Naive T", False),
        ("CD4/CD25 Treg", False),
        ("Mandible cell", False),
        ("/", False),
        ("", False),
    ],
    ids=str,
)
def test_alternatives_are_told_from_lists_of_markers(name, compound):
    assert is_compound(name) is compound


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("CD4 T cells", "CD4-positive, alpha-beta T cell"),
        ("T_CD8", "CD8-positive, alpha-beta T cell"),
        ("Naive CD4 T", "naive thymus-derived CD4-positive, alpha-beta T cell"),
        (
            "CD4+/CD45RA+/CD25- Naive T",
            "naive thymus-derived CD4-positive, alpha-beta T cell",
        ),
        ("Memory CD8 T", "CD8-positive, alpha-beta memory T cell"),
        ("CD14 Mono", "CD14-positive monocyte"),
        ("NK", "natural killer cell"),
        ("T reg", "regulatory T cell"),
        ("CD19+ memory B", "memory B cell"),
    ],
    ids=str,
)
def test_what_authors_leave_out_is_added(short, long):
    assert expand(key(short)) == key(long)


@pytest.mark.parametrize("name", ["CD4+ gd T", "CD8+ NK T", "CD4 Mono", "CD8+ DC"])
def test_receptors_are_added_only_to_t_cells_without_one(name):
    assert {"alpha", "beta"}.isdisjoint(expand(key(name)))


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_any_text_has_a_spelling_and_bringing_it_there_again_changes_nothing(text):
    assert plain(plain(text)) == plain(text)
    assert all(word and word != "cell" for word in words(text))
    assert is_compound(text) in (True, False)
