import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.layout import comparable_genes, lay_out_genes, merged_genes
from genemamba.atlas.genes.mapping import map_genes
from genemamba.atlas.genes.tables import load_reference

CD4, ACTB, MKKS = "ENSG00000010610", "ENSG00000075624", "ENSG00000125863"


def _layout(names):
    return lay_out_genes(map_genes(names, reference=load_reference()))


def test_names_of_one_gene_share_a_column_and_unknown_ones_keep_their_name():
    layout = _layout(["CD4", "novel", "ACTB", f"{CD4}.3", "novel", "ERCC-00002"])

    assert layout.var.index.tolist() == [CD4, "novel", ACTB, "ERCC-00002"]
    assert layout.map.columns.tolist() == [0, 1, 2, 0, 1, 3]
    assert layout.map.numbers.tolist() == [10_610, 0, 75_624, 0]
    assert layout.var.to_dict("list") == {
        "feature_name": ["CD4", "novel", "ACTB", "ERCC-00002"],
        "feature_biotype": ["protein_coding", "", "protein_coding", "spike-in"],
        "source_name": [f"CD4 || {CD4}.3", "novel || novel", "ACTB", "ERCC-00002"],
        "gene_status": ["exact", "unknown", "exact", "ercc"],
        "gene_matched_by": ["symbol", "", "symbol", ""],
        "measured": [True] * 4,
    }


def test_projection_adds_up_what_comes_together():
    layout = _layout(["ACTB", "CD4", f"{CD4}.3"])

    projected = layout.map.project(csr_matrix(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 4.0]])))

    assert projected.toarray().tolist() == [[1.0, 5.0], [0.0, 4.0]]
    assert projected.has_canonical_format


def test_merged_genes_are_listed_with_their_names():
    var = _layout(["CD4", "novel", "ACTB", f"{CD4}.3", "novel"]).var

    assert merged_genes(var) == {CD4: ["CD4", f"{CD4}.3"], "novel": ["novel", "novel"]}


def test_genes_are_comparable_that_are_mapped_one_to_one_by_a_name_of_their_own():
    var = _layout(["CD4", f"{CD4}.3", "ACTB", "novel", "MKKS", "9-Sep", "ERCC-00002"]).var

    comparable = dict(zip(var.index, comparable_genes(var).tolist(), strict=True))

    assert comparable == {
        CD4: False, ACTB: True, "novel": False, MKKS: False,
        "ENSG00000184640": True, "ERCC-00002": False,
    }  # fmt: skip
