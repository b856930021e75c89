"""The term rules of the columns of ``obs``, as the schema states them."""

from typing import Final

from genemamba.atlas.standards.cellxgene.terms import TermRule

HUMAN: Final = "NCBITaxon:9606"
"""Homo sapiens."""
MOUSE: Final = "NCBITaxon:10090"
"""Mus musculus; its strains lie below it."""
ZEBRAFISH: Final = "NCBITaxon:7955"
"""Danio rerio."""
FLY: Final = "NCBITaxon:7227"
"""Drosophila melanogaster."""
WORM: Final = "NCBITaxon:6239"
"""Caenorhabditis elegans."""

NA: Final = TermRule(words=frozenset({"na"}))
"""Nothing but the word."""

CELL_TYPE: Final = TermRule(
    words=frozenset({"unknown"}),
    ontologies=("CL", "ZFA", "FBbt", "WBbt"),
    terms=frozenset({"CL:0000000"}),
    below=frozenset({"CL:0000000", "ZFA:0009000", "FBbt:00007002", "WBbt:0004017"}),
    refused=frozenset({"CL:0000255", "CL:0000257", "CL:0000548", "WBbt:0006803"}),
    refused_below=frozenset({"WBbt:0006803"}),
)
"""Of cells that are no cell line."""

CULTURE: Final = TermRule(
    words=CELL_TYPE.words, ontologies=CELL_TYPE.ontologies, below=CELL_TYPE.below,
    refused=CELL_TYPE.refused, refused_below=CELL_TYPE.refused_below,
)  # fmt: skip
"""The tissue of a primary cell culture: a cell type, but not the root of all."""

ASSAY: Final = TermRule(ontologies=("EFO",), below=frozenset({"EFO:0002772", "EFO:0010183"}))
"""Assay by molecule, or single cell library construction."""

DISEASE: Final = TermRule(
    ontologies=("MONDO", "PATO"),
    terms=frozenset({"PATO:0000461", "MONDO:0021178"}),
    below=frozenset({"MONDO:0000001", "MONDO:0021178"}),
    several=True,
    several_of=("MONDO",),
)
"""Normal, injury, or diseases."""

SEX: Final = TermRule(
    words=frozenset({"unknown"}),
    ontologies=("PATO",),
    terms=frozenset({"PATO:0000383", "PATO:0000384", "PATO:0001340"}),
)
"""Female, male, hermaphrodite."""

WORM_SEX: Final = TermRule(
    words=frozenset({"unknown", "na"}),
    ontologies=("PATO",),
    terms=frozenset({"PATO:0000384", "PATO:0001340"}),
)
"""Caenorhabditis has no females."""

ORGANISM_ANATOMY: Final = frozenset({
    "ZFA:0009000", "ZFA:0001093", "FBbt:00007002", "WBbt:0007849", "WBbt:0007850",
    "WBbt:0008595", "WBbt:0004017", "WBbt:0006803",
})  # fmt: skip
"""Cells, whole organisms and the like, which are no tissues."""

TISSUE: Final = TermRule(
    ontologies=("UBERON", "ZFA", "FBbt", "WBbt"),
    below=frozenset({"ZFA:0100000", "FBbt:10000000", "WBbt:0005766", "UBERON:0001062"}),
    refused=ORGANISM_ANATOMY,
    refused_below=frozenset({"ZFA:0009000", "WBbt:0004017", "WBbt:0006803", "FBbt:00007002"}),
)
"""Anatomical entities."""

ORGANOID: Final = TermRule(
    ontologies=TISSUE.ontologies, below=TISSUE.below, refused_below=TISSUE.refused_below,
    refused=ORGANISM_ANATOMY | {"UBERON:0000922"},
)  # fmt: skip
"""Anatomical entities but the embryo."""

TISSUES: Final = {
    "tissue": TISSUE,
    "organoid": ORGANOID,
    "primary cell culture": CULTURE,
    "cell line": TermRule(ontologies=("CVCL",)),
}
"""``tissue_ontology_term_id`` by ``tissue_type``."""

ETHNICITY: Final = TermRule(
    words=frozenset({"unknown"}),
    ontologies=("HANCESTRO",),
    below=frozenset({"HANCESTRO:0601", "HANCESTRO:0602"}),
    several=True,
)
"""Of humans; AfPO terms come with HANCESTRO."""

STAGE_WORDS: Final = frozenset({"unknown", "na"})
"""Words that stand for a stage."""

STAGES: Final = {
    HUMAN: TermRule(
        words=STAGE_WORDS, ontologies=("HsapDv",), below=frozenset({"HsapDv:0000001"})
    ),
    MOUSE: TermRule(
        words=STAGE_WORDS, ontologies=("MmusDv",), below=frozenset({"MmusDv:0000001"})
    ),
    ZEBRAFISH: TermRule(
        words=STAGE_WORDS, ontologies=("ZFA",), below=frozenset({"ZFS:0100000"}),
        refused=frozenset({"ZFS:0000000"}),
    ),
    FLY: TermRule(
        words=STAGE_WORDS, ontologies=("FBdv",),
        below=frozenset({"FBdv:00007014", "FBdv:00005259"}),
        refused=frozenset({"FBdv:00007012"}),
    ),
    WORM: TermRule(
        words=STAGE_WORDS, ontologies=("WBls",), terms=frozenset({"WBls:0000669"}),
        below=frozenset({"WBls:0000803", "WBls:0000804"}),
    ),
}  # fmt: skip
"""``development_stage_ontology_term_id`` by organism."""

OTHER_STAGE: Final = TermRule(
    words=STAGE_WORDS,
    ontologies=("UBERON",),
    below=frozenset({"UBERON:0000105"}),
    refused=frozenset({"UBERON:0000071"}),
)
"""Of every other organism."""

ANY_STAGE: Final = TermRule(
    words=frozenset({"unknown"}),
    ontologies=("UBERON", "HsapDv", "MmusDv", "ZFA", "FBdv", "WBls"),
)
"""Of cells that are no cell line, whatever the organism."""

CONDITION: Final = TermRule(
    words=frozenset({"na"}),
    ontologies=("CHEBI", "EFO", "UniProt"),
    terms=frozenset({"EFO:0001702", "EFO:0002755", "EFO:0002756"}),
    below=frozenset({"CHEBI:24431", "EFO:0002755"}),
    whole=frozenset({"UniProt"}),
    refused=frozenset(
        f"CHEBI:{number}"
        for number in (
            23367, 24431, 24835, 24867, 24870, 25212, 25367, 25699, 33238, 33259, 33497, 33595,
            33674, 33675, 36342, 36357, 36358, 36914, 37577, 50906,
        )
    ),
    refused_below=frozenset({"CHEBI:36342", "CHEBI:50906"}),
    several=True,
    prefixes=("anti-",),
)  # fmt: skip
"""Chemicals, temperature, diet, fasting, proteins and antibodies against them."""

ORGANISMS: Final = TermRule(
    ontologies=("NCBITaxon",),
    terms=frozenset(
        f"NCBITaxon:{number}"
        for number in (
            9606, 10090, 7227, 7955, 6239, 9541, 9986, 9483, 9595, 9544, 9598, 9823, 30608, 10116,
        )
    ),
    below=frozenset(
        f"NCBITaxon:{number}" for number in (9541, 9544, 10090, 9986, 9598, 10116, 9823)
    ),
    refused=frozenset({"NCBITaxon:2697049", "NCBITaxon:32630"}),
)  # fmt: skip
"""``uns["organism_ontology_term_id"]``; a virus and spike-ins are no organisms of cells."""
