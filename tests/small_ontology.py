"""An ontology of eight terms with the shape of blood, whose numbers can be counted by hand."""

from genemamba.ontology.graph import CellOntology, Term

# cell > leukocyte > {lymphocyte > {T > {CD4, CD8}, NK}, myeloid}; a CD8 cell is also cytotoxic, and
# so is NK.
CELL, LEUKOCYTE, LYMPHOCYTE, T, CD4, CD8, NK, MYELOID, CYTOTOXIC = (
    *("CL:0000000", "CL:1", "CL:2", "CL:3", "CL:4", "CL:5", "CL:6", "CL:7", "CL:8"),
)
PARENTS = {
    CELL: (),
    LEUKOCYTE: (CELL,),
    LYMPHOCYTE: (LEUKOCYTE,),
    T: (LYMPHOCYTE,),
    CD4: (T,),
    CD8: (T, CYTOTOXIC),
    NK: (LYMPHOCYTE, CYTOTOXIC),
    MYELOID: (LEUKOCYTE,),
    CYTOTOXIC: (CELL,),
}
NAMES = dict(
    zip(
        PARENTS,
        ["cell", "leukocyte", "lymphocyte", "T cell", "CD4-positive T cell",
         "CD8-positive T cell", "natural killer cell", "myeloid cell", "cytotoxic cell"],
        strict=True,
    )
)  # fmt: skip
OLD, GONE = "CL:90", "CL:91"


def small_ontology(parents=PARENTS, names=NAMES):
    terms = {
        term_id: Term(
            label=names.get(term_id, term_id),
            synonyms=("NK cell",) if names.get(term_id) == "natural killer cell" else (),
            parents=above,
            deprecated=False,
            replaced_by=(),
        )
        for term_id, above in parents.items()
    }
    terms[OLD] = Term("obsolete T", (), (), deprecated=True, replaced_by=(T,))
    terms[GONE] = Term("obsolete thing", (), (), deprecated=True, replaced_by=())
    return CellOntology(
        release="v1", digest="sha256:0", about={"release": "v1"}, terms=dict(sorted(terms.items()))
    )
