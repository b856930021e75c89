import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.genes import load_reference, map_genes
from genemamba.atlas.layout import lay_out_genes

CD4, ACTB = "ENSG00000010610", "ENSG00000075624"


def test_names_of_one_gene_share_a_column_and_unknown_ones_keep_their_name():
    names = ["CD4", "novel", "ACTB", f"{CD4}.3", "novel", "ERCC-00002"]

    layout = lay_out_genes(map_genes(names, reference=load_reference()))

    assert layout.var.index.tolist() == [CD4, "novel", ACTB, "ERCC-00002"]
    assert layout.columns.tolist() == [0, 1, 2, 0, 1, 3]
    assert layout.numbers.tolist() == [10_610, 0, 75_624, 0]
    assert layout.var.to_dict("list") == {
        "feature_name": ["CD4", "novel", "ACTB", "ERCC-00002"],
        "feature_biotype": ["protein_coding", "", "protein_coding", "spike-in"],
        "source_name": [f"CD4 || {CD4}.3", "novel || novel", "ACTB", "ERCC-00002"],
        "gene_status": ["symbol", "unknown", "symbol", "ercc"],
        "measured": [True] * 4,
    }


def test_projection_adds_up_what_comes_together():
    layout = lay_out_genes(map_genes(["ACTB", "CD4", f"{CD4}.3"], reference=load_reference()))

    projected = layout.project(csr_matrix(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 4.0]])))

    assert projected.toarray().tolist() == [[1.0, 5.0], [0.0, 4.0]]
    assert projected.has_canonical_format
