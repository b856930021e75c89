"""The columns of a deposit are known before it is read, wherever it lies."""

import anndata as ad
import fsspec
import h5py
import pytest

from genemamba.atlas.sources.probe import peek_columns
from genemamba.errors import SourceError

COLUMNS = ["cell_type", "batch", "n_umi"]


@pytest.fixture
def memory():
    fs = fsspec.filesystem("memory")
    fs.makedirs("/probe")
    yield fs
    fs.rm("/probe", recursive=True)


def test_the_columns_of_a_local_file_are_those_of_its_obs(adata, deposit):
    assert peek_columns(str(deposit(adata))) == COLUMNS


def test_the_columns_of_a_remote_file_are_those_of_its_obs(adata, deposit, memory):
    memory.pipe("/probe/x.h5ad", deposit(adata).read_bytes())

    assert peek_columns("memory://probe/x.h5ad") == COLUMNS


@pytest.mark.parametrize("version", [pytest.param(2, id="v2"), pytest.param(3, id="v3")])
@pytest.mark.filterwarnings("ignore")  # of what anndata and zarr will do in later versions
def test_the_columns_of_a_remote_zarr_are_those_of_its_obs(adata, tmp_path, memory, version):
    with ad.settings.override(zarr_write_format=version):
        adata.write_zarr(tmp_path / "x.zarr")
    memory.put(str(tmp_path / "x.zarr"), "/probe/x.zarr", recursive=True)

    assert peek_columns("memory://probe/x.zarr") == COLUMNS


def test_a_remote_table_of_counts_has_no_columns(memory):
    memory.pipe("/probe/x.csv", b"cell,CD4\na,1\n")

    assert peek_columns("memory://probe/x.csv") == []


def test_a_local_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"found nothing at .*absent\.h5ad"):
        peek_columns(str(tmp_path / "absent.h5ad"))


def test_a_damaged_remote_file_is_refused(adata, deposit, memory):
    path = deposit(adata)
    with h5py.File(path, "r+") as file:
        del file["obs"]
    memory.pipe("/probe/x.h5ad", path.read_bytes())

    with pytest.raises(SourceError, match=r"Expected x\.h5ad .*cannot be read .*'obs'"):
        peek_columns("memory://probe/x.h5ad")
