"""Values of the columns of terms, allowed and not."""

from tests.atlas.standards.cellxgene import deposits
from tests.atlas.standards.cellxgene.changes import CONDITION


def zebrafish():
    return _other(
        "NCBITaxon:7955", "ENSDARG", 11,
        (103202, 9657, 96472, 96156, 76160, 117163, 96187),
        cell_type="ZFA:0000003", stage="ZFS:0000016", tissue="ZFA:0001262",
    )  # fmt: skip


def fly():
    return _other(
        "NCBITaxon:7227", "FBgn", 7, (38542, 39592, 38067, 53534, 39602, 264897, 31208),
        cell_type="FBbt:00049192", stage="FBdv:00005370", tissue="FBbt:00007337",
    )  # fmt: skip


def worm():
    adata = _other(
        "NCBITaxon:6239", "WBGene", 8, (3, 7, 14, 15, 22, 24, 27),
        cell_type="WBbt:0008611", stage="WBls:0000532", tissue="WBbt:0006749",
    )  # fmt: skip
    adata.obs["sex_ontology_term_id"] = "PATO:0000384"
    return adata


def _other(organism, prefix, digits, numbers, *, cell_type, stage, tissue):
    values = deposits.HUMAN | {
        "cell_type_ontology_term_id": cell_type,
        "development_stage_ontology_term_id": stage,
        "tissue_ontology_term_id": tissue,
        "self_reported_ethnicity_ontology_term_id": "na",
    }
    names = [f"{prefix}{number:0{digits}d}" for number in numbers]
    uns = deposits.description(organism)
    return deposits.with_raw(deposits.deposit(values, uns=uns, names=names))


CULTURE = {"tissue_type": "primary cell culture"}
ORGANOID = {"tissue_type": "organoid"}
STAGE = "development_stage_ontology_term_id"
ETHNICITY = "self_reported_ethnicity_ontology_term_id"

TERMS = [
    ("human", "cell_type_ontology_term_id", {},
     "NONE EFO:0000001 CL:0000000 CL:0000255 CL:0000257 CL:0000548 WBbt:0006803 unknown na "
     "UBERON:0000001 ZFA:0000003 FBbt:00049192 WBbt:0008611 CL:0000003"),
    ("human", "assay_ontology_term_id", {},
     "EFO:0009310 CL:000001 EFO:0000001 EFO:0002772 EFO:0010183 EFO:0010891 EFO:0022859"),
    ("human", STAGE, {}, "CL:000001 HsapDv:0000000 HsapDv:0000001 HsapDv:0000003 na unknown"),
    ("human", STAGE, CULTURE, "na"),
    ("human", STAGE, ORGANOID, "na"),
    ("mouse", STAGE, {}, "CL:000001 MmusDv:0000000 MmusDv:0000001 HsapDv:0000003 unknown"),
    ("line", STAGE, {}, "HsapDv:0000003 unknown"),
    ("human", "disease_ontology_term_id", {},
     "EFO:0000001 PATO:0001894 MONDO:0021125 MONDO:0000001 PATO:0000461 MONDO:0005491 "
     "MONDO:0021178 MONDO:0015796"),
    ("human", "sex_ontology_term_id", {}, "EFO:0000001 PATO:0001340 unknown na"),
    ("line", "sex_ontology_term_id", {}, "PATO:0000383 unknown"),
    ("worm", "sex_ontology_term_id", {}, "PATO:0000383 PATO:0001340 unknown na"),
    ("human", ETHNICITY, {}, "EFO:0000001 unknown na HANCESTRO:0005,HANCESTRO:0014"),
    ("mouse", ETHNICITY, {}, "HANCESTRO:0005 unknown"),
    ("line", ETHNICITY, {}, "HANCESTRO:0005 unknown"),
    ("human", "tissue_ontology_term_id", {},
     "EFO:0000001 UBERON:0001062 UBERON:0000922 CL:0000001 ZFA:0001262 FBbt:00007337 "
     "WBbt:0006749 na unknown"),
    ("human", "tissue_ontology_term_id", CULTURE,
     "EFO:0000001 CL:0000000 CL:0000057 CL:0000255 CL:0000257 CL:0000548 WBbt:0006803 unknown"),
    ("human", "tissue_ontology_term_id", ORGANOID, "UBERON:0001062 UBERON:0000922 UBERON:0002048"),
    ("line", "tissue_ontology_term_id", {}, "UBERON:0000922 CVCL_0002 CVCL:0001"),
    ("zebrafish", "cell_type_ontology_term_id", {},
     "CL:4023077 unknown UBERON:0000001 ZFA:0001094 ZFA:0009000 na"),
    ("zebrafish", "tissue_ontology_term_id", {},
     "UBERON:0002048 CL:0000001 ZFS:0000016 ZFA:0100000 ZFA:0009000 ZFA:0000003 UBERON:0001062"),
    ("zebrafish", "tissue_ontology_term_id", CULTURE, "CL:4023077 ZFA:0000003 UBERON:0002048"),
    ("zebrafish", STAGE, {}, "unknown HsapDv:0000001 ZFA:0000001 ZFS:0100000 ZFS:0000000"),
    ("fly", "cell_type_ontology_term_id", {},
     "CL:4023077 unknown UBERON:0000001 FBbt:00007001 FBbt:00007002 na"),
    ("fly", "tissue_ontology_term_id", {},
     "UBERON:0002048 CL:0000001 FBbt:10000000 FBbt:00007002 FBbt:00007294 UBERON:0001062"),
    ("fly", "tissue_ontology_term_id", CULTURE, "CL:4023077 FBbt:00049192 UBERON:0002048"),
    ("fly", STAGE, {}, "FBdv:00007117 unknown HsapDv:0000001 FBdv:00007012"),
    ("worm", "cell_type_ontology_term_id", {},
     "WBbt:0005762 CL:4023077 unknown UBERON:0000001 WBbt:0000100 WBbt:0004017 na"),
    ("worm", "tissue_ontology_term_id", {},
     "WBbt:0006750 UBERON:0002048 CL:0000001 WBbt:0005766 WBbt:0007849 WBbt:0007850 "
     "WBbt:0008595 WBbt:0004017 WBbt:0008611 WBbt:00006803 WBbt:0002702 UBERON:0001062"),
    ("worm", "tissue_ontology_term_id", CULTURE, "CL:4023077 WBbt:0005762 UBERON:0002048"),
    ("worm", STAGE, {}, "WBls:0000669 WBls:0000805 WBls:0000816 unknown HsapDv:0000001 WBls:0000825"),
    ("human", CONDITION, {},
     "CHEBI:15365 anti-uniprot:Q99467 uniprot:Q99467 EFO:0001702 EFO:0002755 EFO:0002757 "
     "EFO:0002756 CHEBI:23367 EFO:0009899 CHEBI:35222"),
]  # fmt: skip
"""Base, column, further columns, and values for the first cell."""

LISTS = [
    ("disease_ontology_term_id", "MONDO:0005491", "MONDO:0015796"),
    ("disease_ontology_term_id", "MONDO:0015796", "MONDO:0005491"),
    ("disease_ontology_term_id", "MONDO:0005491", "MONDO:0005491"),
    ("disease_ontology_term_id", "MONDO:0005491", "PATO:0000461"),
    (ETHNICITY, "HANCESTRO:0019", "HANCESTRO:0020", "unknown"),
    (ETHNICITY, "HANCESTRO:0342", "HANCESTRO:0341"),
    (ETHNICITY, "HANCESTRO:0019", "HANCESTRO:0019"),
    (ETHNICITY, "EFO:0000001", "HANCESTRO:0004", "HANCESTRO:1"),
    (CONDITION, "CHEBI:15365", "EFO:0002755"),
    (CONDITION, "EFO:0002755", "CHEBI:15365"),
]
"""Columns whose values hold several terms."""

ASSAYS = [
    "EFO:0008720", "EFO:0008722", "EFO:0030002", "EFO:0008853", "EFO:0030026", "EFO:0008796",
    "EFO:0700003", "EFO:0700004", "EFO:0008780", "EFO:0700010", "EFO:0700011", "EFO:0030060",
    "EFO:0022490", "EFO:0030028", "EFO:0008992", "EFO:0008679", "EFO:0008877", "EFO:0030080",
    "EFO:0007045", "EFO:0010184", "EFO:0008994", "EFO:0008919", "EFO:0002761", "EFO:0010010",
    "EFO:0009919", "EFO:0008953", "EFO:0030008",
]  # fmt: skip
"""Assays of every kind of suspension."""
