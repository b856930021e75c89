"""Changes of what a deposit says about itself."""

from tests.atlas.standards.cellxgene.changes import Add, code

ORGANISMS = [
    "EFO:0000001", "NCBITaxon:2697049", "NCBITaxon:32630", "NCBITaxon:10090", "NCBITaxon:9541",
    "NCBITaxon:9606 ", "NCBITaxon:9031",
]  # fmt: skip
STRAINS = ["NCBITaxon:35531", "NCBITaxon:947985"]


def change_uns(add: Add) -> None:
    for organism in ORGANISMS:  # fmt: skip
        add("human", organism, "organism_ontology_term_id|organism is",
            code(f"a.uns['organism_ontology_term_id'] = {organism!r}"))  # fmt: skip
    for strain in STRAINS:
        add("mouse", strain, "organism_ontology_term_id",
            code(f"a.uns['organism_ontology_term_id'] = {strain!r}"))  # fmt: skip
    for key in ("organism_ontology_term_id", "title", "default_embedding", "batch_condition"):
        add("human", "without", key, code(f"del a.uns['{key}']"))
    for key in (
        "schema_version", "schema_reference", "citation", "is_pre_analysis", "organism",
        "X_normalization", "default_field", "layer_descriptions", "tags", "version",
        "contributors", "preprint_doi", "project_description", "project_links", "project_name",
        "publication_doi", "__private",
    ):  # fmt: skip
        add("human", "reserved key", key, code(f"a.uns['{key}'] = 'a'"))
    for key, *values in (
        ("title", "' a'", "'a '", "'a  b'", "['a']", "''"),
        ("batch_condition", "np.array(['tissue_type'])", "'tissue_type'", "['NO_COLUMN']"),
        ("default_embedding", "['X_umap']", "'X_other'"),
        ("X_approximate_distribution", "'count'", "['count']", "'COUNT'"),
        ("log1p", "True", "False", "None", "np.array([])", "[]", "''", "{}", "3", "0.5",
         "csr(np.eye(3))", "csr(np.zeros((0, 3)))", "np.zeros((2, 0))"),
    ):  # fmt: skip
        for value in values:
            add("human", value, key, code(f"a.uns['{key}'] = {value}"))


def change_colors(add: Add) -> None:
    for key, *values in (
        ("suspension_type_colors", "np.array(['red', 'blue'])", "np.array(['red', '#000000'])",
         "np.array(['#ZZZZZZ'])", "np.array(['pynk'])", "np.array([''])", "np.array([3, 4])",
         "np.array([np.nan])", "np.array([])", "{'red': 1}", "np.array(['#000000'] * 2)"),
        ("is_primary_data_colors", "np.array(['red', 'blue'])"),
        ("cell_type_colors", "np.array(['red', 'blue'])"),
        ("fake_field_colors", "np.array(['red', 'blue'])"),
    ):  # fmt: skip
        for value in values:
            add("human", value, key, code(f"a.uns['{key}'] = {value}"))
    add("human", "one of two", "donor_id_colors", code(
        "a.obs['donor_id'] = pd.Categorical(['x', 'y']);"
        "a.uns['donor_id_colors'] = np.array(['red'])"))  # fmt: skip


def change_guides(add: Add) -> None:
    one = "a.uns['genetic_perturbations']['guide-1']"
    for label, about, text in (
        ("control", "role", "a = d.perturbed(('g', 'g'), ('control',) * 2, {'g': d.guide('control')})"),
        ("no control", "control", "a = d.perturbed(('g', 'g'), ('control',) * 2, {'g': d.guide()})"),
        ("one control", "control", "a = d.perturbed(('g || h',) * 2, ('control',) * 2,"
         " {'g': d.guide('control'), 'h': d.guide()})"),
        ("none", "no perturbations", "a = d.perturbed(strategies=('no perturbations',) * 2)"),
        ("mixed", "na", "a = d.perturbed(('na', 'guide-1'), ('no perturbations', 'control'),"
         " {'guide-1': d.guide('control')})"),
        ("na with control", "genetic_perturbation_strategy",
         "a = d.perturbed(('na', 'guide-1'), ('control', 'control'), {'guide-1': d.guide('control')})"),
        ("order", "lexical", "a = d.perturbed(('guide-2 || guide-1', 'guide-1'))"),
        ("twice", "genetic_perturbation_id", "a = d.perturbed(('guide-1 || guide-1', 'guide-1'))"),
        ("unknown", "MISSING", "a = d.perturbed(('MISSING', 'guide-1'))"),
        ("only ids", "genetic_perturbation_id", "del a.uns['genetic_perturbations']"),
        ("only guides", "genetic_perturbation_id",
         "del a.obs['genetic_perturbation_id'], a.obs['genetic_perturbation_strategy']"),
        ("no strategy", "genetic_perturbation_strategy", "del a.obs['genetic_perturbation_strategy']"),
        ("no id", "genetic_perturbation_id", "del a.obs['genetic_perturbation_id']"),
        ("plain", "genetic_perturbation_id",
         "a.obs['genetic_perturbation_id'] = a.obs['genetic_perturbation_id'].astype(str)"),
        ("na guide", "na", "a.uns['genetic_perturbations']['na'] = d.guide()"),
        ("bad strategy", "genetic_perturbation_strategy", "a = d.perturbed(strategies=('TALEN',) * 2)"),
        ("no dictionary", "genetic_perturbations", "a.uns['genetic_perturbations'] = 'a'"),
        ("guide no dictionary", "guide-1", f"{one} = 'a'"),
        ("extra", "extra", f"{one}['extra'] = 'a'"),
        ("derived", "derived_features", f"{one}['derived_features'] = ['a']"),
        ("derived", "derived_genomic_regions", f"{one}['derived_genomic_regions'] = ['a']"),
        ("target", "intended_features", f"{one}['intended_features'] = {{'ENSG00000141510': 'TP53'}}"),
        ("version", "intended_features", f"{one}['intended_features'] = {{'ENSG00000141510.5': 'T'}}"),
        ("text", "intended_features", f"{one}['intended_features'] = 'ENSG00000141510'"),
        ("mouse", "intended_features|organism", f"{one}['intended_features'] = {{'ENSMUSG00000059552': 'T'}}"),
    ):  # fmt: skip
        add("guides", label, about, code(text))
    for mark in (" ", "/", ",", "'"):
        name = f"guide{mark}1"
        if mark != "/":  # anndata would make a group of it
            add("guides", f"named {name!r}", name,
                code(f"a = d.perturbed(guides={{{name!r}: d.guide()}}, ids=({name!r},) * 2)"))  # fmt: skip
    for field, *values in (
        ("role", "'unknown'", "' control'", "1"),
        ("protospacer_sequence", "'ACGTACGTACGT'", "'ACGTACGTACGTACGTACGTACG'", "'ACGTACGTACGTACGN'"),
        ("protospacer_adjacent_motif", "'NGG'", "\"5' NGG\"", "\"3' NRG\""),
    ):  # fmt: skip
        add("guides", "without", field, code(f"del {one}['{field}']"))
        for value in values:
            add("guides", value, field, code(f"{one}['{field}'] = {value}"))
