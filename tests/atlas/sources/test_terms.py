"""A deposit's own words on its licence are kept, whatever file it is."""

import anndata as ad
import h5py
import numpy as np
import pytest

from genemamba.atlas.sources.terms import read_terms

UNS = {
    "title": "PBMC",
    "license": "CC BY\n 4.0",
    "citation": "",
    "source": {"not": "text"},
    "note": "left alone",
}


@pytest.fixture
def adata():
    return ad.AnnData(np.ones((2, 3), np.float32), uns=UNS)


@pytest.mark.parametrize(
    ("suffix", "version"), [("h5ad", 3), ("zarr", 2), ("zarr", 3)], ids=["h5ad", "v2", "v3"]
)
@pytest.mark.filterwarnings("ignore")  # of what anndata and zarr will do in later versions
def test_texts_are_kept_in_one_line_and_the_rest_is_not(adata, suffix, version, tmp_path):
    path = tmp_path / f"deposit.{suffix}"
    with ad.settings.override(zarr_write_format=version):
        getattr(adata, f"write_{suffix}")(path)

    assert read_terms(path) == {"title": "PBMC", "licence": "CC BY 4.0"}


def test_files_that_are_no_anndata_say_nothing(tmp_path):
    table, tenx, folder = (tmp_path / name for name in ("a.csv", "b.h5", "c"))
    table.write_text("gene,cell\n")
    folder.mkdir()
    with h5py.File(tenx, "w") as file:
        file.create_group("matrix")

    assert [read_terms(path) for path in (table, tenx, folder)] == [{}, {}, {}]


def test_a_long_text_is_cut(adata, tmp_path):
    adata.uns["license"] = "x" * 600
    adata.write_h5ad(tmp_path / "a.h5ad")

    assert read_terms(tmp_path / "a.h5ad")["licence"] == "x" * 500
