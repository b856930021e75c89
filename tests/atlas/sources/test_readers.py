import gzip

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.sources.readers import open_source, probe_columns
from genemamba.errors import CountsError, SourceError


def as_x(matrix):
    def change(adata):
        adata.X = matrix(adata.X)
        return adata

    return change


def in_layer(adata):
    adata.layers["counts"] = adata.X.copy()
    adata.X = csr_matrix(np.log1p(adata.X.toarray() * 0.37))
    return adata


def in_raw(adata):
    adata.raw = adata.copy()
    adata.X = adata.X.toarray() - adata.X.toarray().mean(axis=0)
    return adata[:, :20].copy()


def logged_in_raw(adata):
    totals = np.maximum(adata.X.sum(axis=1), 1)
    logged = adata.copy()
    logged.X = csr_matrix(np.log1p(adata.X.toarray() / totals * 1e4))
    adata.raw = logged
    adata.X = adata.X.toarray() - 0.5
    return adata


@pytest.mark.parametrize(
    ("change", "location", "scale"),
    [
        pytest.param(as_x(csr_matrix), "X", "counts", id="csr"),
        pytest.param(as_x(csc_matrix), "X", "counts", id="csc"),
        pytest.param(as_x(lambda x: x.toarray()), "X", "counts", id="dense"),
        pytest.param(as_x(lambda x: x.astype(np.int64)), "X", "counts", id="integers"),
        pytest.param(in_layer, 'layers["counts"]', "counts", id="layer"),
        pytest.param(in_raw, "raw.X", "counts", id="raw"),
        pytest.param(logged_in_raw, "raw.X", "log1p", id="log1p_in_raw"),
    ],
)
def test_counts_are_found_wherever_and_however_they_are_stored(
    adata, deposit, tmp_path, change, location, scale
):
    expected = adata.X.toarray()
    expected[:, 0] = 1  # the recovery from log1p takes the smallest value for one count
    adata.X = csr_matrix(expected)
    genes = adata.var_names.tolist()

    source = open_source(deposit(change(adata)), scratch=tmp_path / "scratch")

    assert (source.location, source.scale, source.n_obs) == (location, scale, 120)
    assert source.var.index.tolist() == genes
    np.testing.assert_array_equal(source.rows(0, 120).toarray(), expected)
    np.testing.assert_array_equal(source.rows(37, 41).toarray(), expected[37:41])


@pytest.mark.parametrize("zarr_format", [2, 3], ids=["zarr_v2", "zarr_v3"])
@pytest.mark.filterwarnings("ignore")  # Zarr 3 warns that strings are an extension of its format
def test_zarr_folder_reads_as_h5ad(adata, tmp_path, zarr_format):
    with ad.settings.override(zarr_write_format=zarr_format):
        adata.write_zarr(tmp_path / "a.zarr")

    source = open_source(tmp_path / "a.zarr", scratch=tmp_path / "scratch")

    np.testing.assert_array_equal(source.rows(0, 120).toarray(), adata.X.toarray())
    assert source.cells.rows(0, source.n_obs).index.tolist() == adata.obs_names.tolist()
    assert (
        source.cells.rows(0, source.n_obs)["cell_type"].tolist() == adata.obs["cell_type"].tolist()
    )


@pytest.mark.parametrize("by_gene", [False, True], ids=["cells_in_rows", "genes_in_rows"])
@pytest.mark.parametrize(
    ("suffix", "separator"), [(".csv", ","), (".tsv", "\t"), (".csv.gz", ",")], ids=str
)
def test_text_reads_in_either_orientation(adata, tmp_path, by_gene, suffix, separator):
    table = adata.to_df()
    path = tmp_path / f"table{suffix}"
    (table.T if by_gene else table).to_csv(path, sep=separator, quoting=2 * by_gene)

    source = open_source(path, scratch=tmp_path / "scratch")

    assert source.cells.rows(0, source.n_obs).index.tolist() == adata.obs_names.tolist()
    assert source.var.index.tolist() == adata.var_names.tolist()
    np.testing.assert_array_equal(source.rows(0, 120).toarray(), adata.X.toarray())


def test_text_as_r_writes_it_has_no_field_above_the_row_names(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('"CD4","ACTB"\n"c1",1,0\n"c2",0,3\n')

    source = open_source(path, scratch=tmp_path / "scratch")

    assert source.cells.rows(0, source.n_obs).index.tolist() == ["c1", "c2"]
    assert source.rows(0, 2).toarray().tolist() == [[1, 0], [0, 3]]


def test_csr_that_is_not_canonical_is_read_canonically(adata, deposit, tmp_path):
    path = deposit(adata)
    with h5py.File(path, "r+") as file:
        group = file["X"]
        low, high = group["indptr"][0], group["indptr"][1]
        group["indices"][low:high] = group["indices"][low:high][::-1]
        group["data"][low:high] = group["data"][low:high][::-1]

    rows = open_source(path, scratch=tmp_path / "scratch").rows(0, 120)

    assert rows.has_canonical_format
    np.testing.assert_array_equal(rows.toarray(), adata.X.toarray())


def test_legacy_file_of_scanpy_gives_619_recovered_cells(packaged, tmp_path):
    path = packaged("scanpy", "datasets/10x_pbmc68k_reduced.h5ad")

    source = open_source(path, scratch=tmp_path)
    recovered = source.reader.read(0, 700)

    assert (source.location, source.scale, source.n_obs) == ("raw.X", "log1p", 700)
    assert int((~recovered.refused).sum()) == 619
    # The file says how many transcripts each cell had over all genes, of which it keeps 765.
    totals = np.asarray(recovered.counts.sum(axis=1)).ravel()
    assert (totals <= source.cells.rows(0, source.n_obs)["n_counts"].to_numpy()).all()


def test_columns_are_listed_without_opening_a_matrix(adata, deposit):
    adata.X = np.full(adata.shape, np.nan)

    assert probe_columns(deposit(adata)) == ["cell_type", "batch", "n_umi"]


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "found"),
    [
        pytest.param(lambda folder: folder / "absent.h5ad", "nothing at", id="missing"),
        pytest.param(lambda folder: write(folder / "a.h5ad", b""), "an empty file", id="empty"),
        pytest.param(
            lambda folder: write(folder / "a.h5ad", b"gene,cell\n"), "cannot be read", id="text"
        ),
        pytest.param(
            lambda folder: write(folder / "a.rds", b"x"), "found a.rds", id="unknown_suffix"
        ),
        pytest.param(
            lambda folder: write(folder / "a.csv", b"\x89HDF\r\n\x1a\n" + bytes(range(256))),
            "no text in line 1",
            id="binary_csv",
        ),
        pytest.param(
            lambda folder: write(folder / "a.csv", b",CD4,ACTB\nc1,1,x\n"),
            "no number in line 2",
            id="word_in_csv",
        ),
        pytest.param(
            lambda folder: write(folder / "a.csv", b",CD4,ACTB\nc1,1,2\nc2,1\n"),
            "1 numbers instead of 2 in line 3",
            id="short_line",
        ),
        pytest.param(
            lambda folder: write(folder / "a.csv.gz", gzip.compress(b",CD4\nc1,1\n" * 99)[:-20]),
            "damaged gzip",
            id="cut_gzip",
        ),
    ],
)
def test_file_that_is_not_what_it_claims_is_refused(tmp_path, make, found):
    with pytest.raises(SourceError, match=f"Expected .* found .*{found}|{found}"):
        open_source(make(tmp_path), scratch=tmp_path / "scratch")


def test_truncated_h5ad_is_refused(adata, deposit, tmp_path):
    path = deposit(adata)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(SourceError, match=r"deposit\.h5ad to be a whole AnnData file"):
        open_source(path, scratch=tmp_path)


def test_hdf5_without_anndata_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["matrix"] = np.ones((2, 2))

    with pytest.raises(SourceError, match=r"no table 'obs' in it"):
        open_source(tmp_path / "a.h5ad", scratch=tmp_path)


@pytest.mark.parametrize(
    ("shape", "found"),
    [pytest.param((0, 5), "no cells", id="cells"), pytest.param((5, 0), "no genes", id="genes")],
)
def test_deposit_of_nothing_is_refused(deposit, tmp_path, shape, found):
    empty = ad.AnnData(
        X=csr_matrix(shape, dtype=np.float32),
        obs=pd.DataFrame(index=[f"c{i}" for i in range(shape[0])]),
        var=pd.DataFrame(index=[f"g{i}" for i in range(shape[1])]),
    )

    with pytest.raises(CountsError, match=found):
        open_source(deposit(empty), scratch=tmp_path)


def test_deposit_without_a_matrix_is_refused(adata, deposit, tmp_path):
    path = deposit(ad.AnnData(obs=adata.obs, var=adata.var))

    with pytest.raises(CountsError, match="in no matrix at all"):
        open_source(path, scratch=tmp_path)


def test_tpm_is_refused(data_dir, tmp_path):
    with pytest.raises(CountsError, match="neither counts nor log1p of scaled counts in X"):
        open_source(data_dir / "nonraw_oligodendroglioma_tpm.h5ad", scratch=tmp_path)
