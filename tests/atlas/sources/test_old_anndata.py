"""Files that anndata 0.6 and 0.7 wrote themselves; make_anndata.py beside them has the values."""

from pathlib import Path

import fsspec
import numpy as np
import pytest

from genemamba.atlas.sources.probe import peek_columns
from genemamba.atlas.sources.readers import open_source

FILES = Path(__file__).parents[2] / "assets" / "old_formats"
COUNTS = np.array([[(5 * i + 3 * j) % 7 % 4 for j in range(8)] for i in range(12)])
GENES = ["CD3D", "CD3E", "CD8A", "CD4", "MS4A1", "CD79A", "NKG7", "GNLY"]
VERSIONS = pytest.mark.parametrize("version", ["0.6.22.post1", "0.7.8"])


@VERSIONS
@pytest.mark.parametrize(
    ("form", "location"),
    [("csr", "X"), ("csc", "X"), ("dense", "X"), ("layer", 'layers["counts"]'), ("raw", "raw.X")],
    ids=["csr", "csc", "dense", "layer", "raw"],
)
def test_counts_and_tables_of_old_files_are_read(version, form, location, tmp_path):
    path = FILES / f"anndata-{version}-{form}.h5ad"

    source = open_source(path, scratch=tmp_path)

    assert (source.location, source.scale) == (location, "counts")
    np.testing.assert_array_equal(source.rows(0, 12).toarray(), COUNTS)
    table = source.cells.rows(0, 12)
    assert table.index.tolist() == [f"cell{i}" for i in range(12)]
    assert table["cell_type"].tolist() == ["B", "T", "NK"] * 4
    assert table["n_umi"].tolist() == COUNTS.sum(axis=1).tolist()
    assert source.var.index.tolist() == GENES


@VERSIONS
@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
def test_columns_of_old_files_are_told_from_their_header(version, remote):
    path = FILES / f"anndata-{version}-csr.h5ad"
    if remote:
        fsspec.filesystem("memory").pipe(f"/old/{path.name}", path.read_bytes())

    assert peek_columns(f"memory://old/{path.name}" if remote else str(path)) == [
        "cell_type",
        "n_umi",
    ]
