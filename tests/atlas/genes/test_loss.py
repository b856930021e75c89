import numpy as np
import pandas as pd

from genemamba.atlas.genes.loss import count_by_status


def test_loss_is_counted_in_genes_and_in_umis():
    status = ["unknown", "exact", "exact", "ercc", "retired"]

    counted = count_by_status(
        pd.DataFrame({"gene_status": status}), np.array([10.0, 60.0, 5.0, 20.0, 5.0])
    )

    assert list(counted) == ["exact", "retired", "unknown", "ercc"]
    assert counted == {
        "exact": {"genes": 2, "umis": 65, "share": 0.65},
        "retired": {"genes": 1, "umis": 5, "share": 0.05},
        "unknown": {"genes": 1, "umis": 10, "share": 0.1},
        "ercc": {"genes": 1, "umis": 20, "share": 0.2},
    }


def test_genes_without_umis_have_no_share():
    counted = count_by_status(pd.DataFrame({"gene_status": ["exact"]}), np.zeros(1))

    assert counted == {"exact": {"genes": 1, "umis": 0, "share": 0.0}}
