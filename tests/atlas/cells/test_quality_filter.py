import anndata as ad
import pandas as pd
import pytest

from genemamba.atlas.cells.quality_filter import quality_filter
from genemamba.errors import SchemaError


def table(reasons, doublets):
    return pd.DataFrame(
        {
            "outlier_reason": pd.Categorical(reasons),
            "predicted_doublet": pd.array(doublets, dtype="boolean"),
        },
        index=[f"c{i}" for i in range(len(reasons))],
    )


def test_every_cell_that_goes_is_counted_by_each_of_its_reasons():
    obs = table(
        [None, "total_counts", "total_counts;pct_counts_mt", None, None, "pct_counts_mt"],
        [False, False, True, True, None, None],
    )

    found = quality_filter(obs)

    assert found.keep.tolist() == [True, False, False, False, True, False]
    assert list(found.reasons.items()) == [
        ("pct_counts_mt", 2),
        ("predicted_doublet", 2),
        ("total_counts", 2),
    ]
    assert (found.n_dropped, found.n_unscored) == (4, 1 + 1)
    finding = found.finding(obs.index)
    assert (finding.rule, finding.severity, finding.count) == ("quality-filtered", "warning", 4)
    assert finding.examples == ("c1", "c2", "c3", "c5")
    assert "4 of 6 cells (2 pct_counts_mt, 2 predicted_doublet, 2 total_counts)" in finding.message


def test_a_filter_that_drops_nothing_is_a_note():
    obs = table([None, None], [False, None])

    found = quality_filter(obs)

    assert found.keep.all()
    assert found.reasons == {}
    assert (found.finding(obs.index).severity, found.finding(obs.index).count) == ("note", 0)


def test_cells_that_were_not_measured_are_refused():
    with pytest.raises(SchemaError, match="obs to have outlier_reason and predicted_doublet"):
        quality_filter(pd.DataFrame({"batch": ["a"]}))


def test_the_columns_come_back_from_disk_as_they_were(tmp_path):
    obs = table([None, "total_counts", None], [False, True, None])
    expected = quality_filter(obs)
    ad.AnnData(obs=obs).write_h5ad(tmp_path / "cells.h5ad")

    found = quality_filter(ad.read_h5ad(tmp_path / "cells.h5ad").obs)

    assert found.keep.tolist() == expected.keep.tolist() == [True, False, True]
    assert (found.reasons, found.n_unscored) == (expected.reasons, 1)
