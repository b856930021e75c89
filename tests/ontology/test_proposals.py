"""Labels mean the terms that a reader would name, or none is used."""

import csv
import io
from importlib import resources
from typing import NamedTuple

import pytest

from genemamba.ontology.proposals import SURE, Proposer
from genemamba.ontology.spelling import key
from genemamba.ontology.tables import load_ontology


@pytest.fixture(scope="module")
def proposer():
    return Proposer(load_ontology())


@pytest.mark.parametrize(
    ("label", "meaning", "method"),
    [
        ("B cell", "B cell", "exact"),
        ("Macrophage", "macrophage", "exact"),
        ("B lymphocyte", "B cell", "synonym"),
        ("B cells", "B cell", "normalised"),
        ("CD14+ Monocytes", "CD14-positive monocyte", "normalised"),
        ("Fibroblasts", "fibroblast", "normalised"),
        ("γδ T\N{EN DASH}cells", "gamma-delta T cell", "normalised"),
        ("endothelial", "endothelial cell", "normalised"),
        ("Natural Killer", "natural killer cell", "normalised"),
        ("NK", "natural killer cell", "normalised"),
        ("CD4+ T", "CD4-positive, alpha-beta T cell", "abbreviation"),
        ("CD8 T cells", "CD8-positive, alpha-beta T cell", "abbreviation"),
        ("Mono_CD14", "CD14-positive monocyte", "abbreviation"),
        ("FCGR3A+ Mono", "CD14-low, CD16-positive monocyte", "abbreviation"),
        ("pDC", "plasmacytoid dendritic cell", "abbreviation"),
        ("cDC", "conventional dendritic cell", "abbreviation"),
        ("AT2", "pulmonary alveolar type 2 cell", "abbreviation"),
        ("CD8 Tem", "effector memory CD8-positive, alpha-beta T cell", "abbreviation"),
        # Several meanings: the stem cell of blood or of the liver, a newer and an older DC1.
        ("HSC", "hematopoietic stem cell", "fuzzy-suggestion"),
        ("DC1", "CD141-positive myeloid dendritic cell", "fuzzy-suggestion"),
        ("beta", "type B pancreatic cell", "fuzzy-suggestion"),
        # The crab's inferior cardiac neuron is an exact synonym of these two letters.
        ("IC", "renal intercalated cell", "fuzzy-suggestion"),
        ("bNeutrophils", "neutrophil", "fuzzy-suggestion"),
        ("Microglia/Macrophage", None, None),
        ("CD4+ Memory/Effector T", None, None),
    ],
    ids=str,
)
def test_a_label_means_what_a_reader_takes_it_for(proposer, label, meaning, method):
    found = proposer.propose(label)

    if meaning is None:
        assert found.method not in SURE
        return
    assert (load_ontology().label(found.cl_id), found.method) == (meaning, method)
    assert found.score == 1.0 if method in SURE else 0.5 <= found.score < 1


@pytest.mark.parametrize(
    "label", ["NA", "None", "unassigned", "ND", "Layer3", "AP1", "N2", "4.1-Trm", "H1975", "WM", "8", "-"]
)  # fmt: skip
def test_a_label_that_names_no_type_means_none(proposer, label):
    assert proposer.propose(label) == ("", "none", 0.0)


def test_a_deprecated_term_is_never_proposed(proposer):
    ontology = load_ontology()
    labels = [term.label for term in ontology.terms.values() if term.deprecated][:40]

    found = proposer.propose_all(labels).values()

    assert all(ontology.is_in_use(proposal.cl_id) for proposal in found if proposal.cl_id)


def test_every_label_of_the_ontology_means_its_own_term(proposer):
    ontology = load_ontology()
    wrong = {
        term.label: proposer.propose(term.label)
        for term_id, term in ontology.terms.items()
        if not term.deprecated and proposer.propose(term.label) != (term_id, "exact", 1.0)
    }

    assert wrong == {}


class Row(NamedTuple):
    label: str
    cl_id: str


def test_few_labels_of_real_files_are_misread(proposer, data_dir):
    text = (data_dir / "label_to_cl.csv").read_text()
    rows = [Row(row["label"], row["cl_id"]) for row in csv.DictReader(io.StringIO(text))]

    found = proposer.propose_all(row.label for row in rows)

    used = [row for row in rows if found[row.label].method in SURE]
    right = [row for row in used if found[row.label].cl_id == row.cl_id]
    # Two are less specific than what the file says from the tissue, one is exactly a term's label,
    # one is of a lung, and one that the file leaves open.
    assert {row.label for row in used} - {row.label for row in right} == {
        *("Basal", "Secretory", "Cytotoxic T cell", "EC capillary", "Erythroid cell"),
    }
    assert (len(right), len(used), sum(bool(row.cl_id) for row in rows)) == (94, 99, 130)


def test_abbreviations_name_terms_in_use_and_each_has_one_meaning():
    table = resources.files("genemamba.ontology") / "data" / "abbreviations.tsv"
    rows = list(csv.DictReader(table.read_text().splitlines(), delimiter="\t"))
    ontology = load_ontology()

    wrong = [row for row in rows if ontology.label(row["cl_id"]) != row["cl_label"]]
    meanings: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        meanings.setdefault(key(row["abbreviation"]), set()).add(row["cl_id"])

    plain = Proposer(ontology, abbreviations=False)
    needless = [
        row["abbreviation"]
        for row in rows
        if row["sure"] and plain.propose(row["abbreviation"]) == (row["cl_id"], "normalised", 1.0)
    ]

    assert wrong == []
    assert needless == []
    assert {name: ids for name, ids in meanings.items() if len(ids) > 1} == {}
    assert all(ontology.is_in_use(row["cl_id"]) for row in rows)
    assert {row["sure"] for row in rows} == {"yes", ""}
