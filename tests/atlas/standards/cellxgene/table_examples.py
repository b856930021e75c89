"""Changes of the tables of cells and of genes."""

import numpy as np

from tests.atlas.standards.cellxgene import deposits
from tests.atlas.standards.cellxgene.changes import CONDITION, Add, code, every, first


def change_obs(add: Add) -> None:
    for column in deposits.HUMAN:
        add("human", "without", column, code(f"del a.obs['{column}']"))
        missing = column not in ("is_primary_data", *deposits.CATEGORIES)
        if missing:
            add("human", "nan", column, first({column: np.nan}))
    for name in (
        "organism", "organism_ontology_term_id", "ethnicity", "ethnicity_ontology_term_id",
        "observation_joinid", "experimental_condition", "perturbation_types", "assay", "cell_type",
        "development_stage", "disease", "self_reported_ethnicity", "sex", "tissue", "__private",
    ):  # fmt: skip
        add("human", "reserved", name, every({name: "a"}))
    for label, about, text in (
        ("text", "is_primary_data", "a.obs['is_primary_data'] = 'FALSE'"),
        ("organ", "tissue_type", "a.obs['tissue_type'] = pd.Categorical(['organ', 'tissue'])"),
        ("plain", "donor_id", "a.obs['donor_id'] = [1, 2]"),
        ("numbers", "donor_id", "a.obs['donor_id'] = pd.Categorical([1, 2])"),
        ("empty", "donor_id", "a.obs['donor_id'] = pd.Categorical([' ', 'b'])"),
        ("nan", "donor_id", "a.obs['donor_id'] = pd.Categorical([None, 'b'])"),
        ("na", "donor_id", "a.obs['donor_id'] = pd.Categorical(['na', 'na'])"),
        ("nan", "suspension_type", "a.obs['suspension_type'] = pd.Categorical([None, 'cell'])"),
        ("unused", "suspension_type",
         "a.obs['suspension_type'] = a.obs['suspension_type'].cat.add_categories(['cell'])"),
        ("twice", "index", "a.obs.index = ['x', 'x']"),
        ("all na", CONDITION, f"a.obs['{CONDITION}'] = 'na'"),
        ("nullable", "numbers", "a.obs['numbers'] = pd.array([1, None], dtype='Int64')"),
    ):  # fmt: skip
        add("human", label, about, code(text))
    add("line", "donor", "donor_id", every({"donor_id": "donor_1"}))
    add("line", "na and unknown", "cell_type_ontology_term_id",
        code("a.obs['cell_type_ontology_term_id'] = ['na', 'unknown']"))  # fmt: skip
    add("line", "na", "cell_type_ontology_term_id", every({"cell_type_ontology_term_id": "na"}))
    add("sections", "primary", "is_primary_data", first({"is_primary_data": True}))


def change_var(add: Add) -> None:
    names = "a.var.index = [{0!r}, *a.var_names[1:]]"
    raw = "r = a.raw.to_adata(); r.var.index = [{0!r}, *r.var_names[1:]]; a.raw = r"
    for gene in ("ENSEBML_NOGENE", "ENSG000", "ERCC-000000", "ENSG00000127603.5",
                 "ENSMUSG00000059552", "ERCC-00002", "ENSSASG00005000004", "ENSG00000141510"):  # fmt: skip
        both = f"{names}; {raw}".format(gene)
        add("human", f"var {gene}", "var|organism", code(names.format(gene)))
        add("human", f"raw {gene}", "raw.var|organism", code(raw.format(gene)))
        add("human", f"both {gene}", "var|organism", code(both))
    for label in ("feature_name", "feature_reference", "feature_biotype", "feature_length",
                  "feature_type"):  # fmt: skip
        add("human", "var", label, code(f"a.var['{label}'] = 'a'"))
        add("human", "raw.var", label,
            code(f"r = a.raw.to_adata(); r.var['{label}'] = 'a'; a.raw = r"))  # fmt: skip
    flag = "feature_is_filtered"
    for base, label, text in (
        ("human", "missing", f"del a.var['{flag}']"),
        ("human", "text", f"a.var['{flag}'] = 'a'"),
        ("human", "one", f"a.var['{flag}'] = [True] + [False] * 6"),
        ("counts", "one", f"a.var['{flag}'] = [True] + [False] * 6"),
        ("human", "raw", f"r = a.raw.to_adata(); r.var['{flag}'] = False; a.raw = r"),
        ("human", "lost", "x = a.X.toarray(); x[:, 3] = 0; a.X = csr(x)"),
    ):
        add(base, label, flag, code(text))
