"""One real sample in every format that is read gives the same cells, by name and content hash."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.ingest.planning import plan_ingest
from genemamba.atlas.options import IngestOptions
from tests.deposit_writers import Sample, write_loom, write_mtx, write_tenx_v2, write_tenx_v3

N_CELLS = 60
N_GENES = 3000


@pytest.fixture(scope="module")
def sample(packaged) -> Sample:
    """Cells and genes of celltypist's own sample: counts, but for noise of 1e-11."""
    path = packaged("celltypist", "data/samples/sample_cell_by_gene.csv")
    table = pd.read_csv(path, index_col=0, nrows=N_CELLS)
    # The genes with most transcripts, in the order of the file: most others are zero here.
    totals = table.sum(axis=0)
    table = table.loc[:, totals.rank(ascending=False, method="first") <= N_GENES]
    counts = np.rint(table.to_numpy()).astype(int)
    np.testing.assert_allclose(table.to_numpy(), counts, atol=1e-9)
    reference = load_reference()
    symbols = [str(name) for name in table.columns]
    ids = [reference.match(name).ensembl_id or name for name in symbols]
    return Sample(counts, [str(name) for name in table.index], ids, symbols)


@pytest.fixture(scope="module")
def expected(sample, tmp_path_factory) -> dict[str, str]:
    """What the plainest form, CSR in h5ad, gives."""
    folder = tmp_path_factory.mktemp("expected")
    as_anndata(csr_matrix)(folder, sample)
    return hashes(folder / "a.h5ad", folder / "scratch")


def hashes(path, scratch):
    plan = plan_ingest(path, name="a", sha256="0" * 64, options=IngestOptions(), scratch=scratch)
    obs = pd.concat(plan.tables.blocks(plan.survey))
    return dict(zip(obs.index, obs["content_hash"], strict=True))


def new(sample, matrix) -> ad.AnnData:
    obs, var = pd.DataFrame(index=sample.cells), pd.DataFrame(index=sample.symbols)
    return ad.AnnData(matrix, obs=obs, var=var)


def as_anndata(form):
    def write(folder, sample):
        new(sample, form(sample.counts.astype(np.float32))).write_h5ad(folder / "a.h5ad")
        return folder / "a.h5ad"

    return write


def in_layer(folder, sample):
    adata = new(sample, np.log1p(sample.counts * 0.3))
    adata.layers["counts"] = csc_matrix(sample.counts)
    adata.write_h5ad(folder / "a.h5ad")
    return folder / "a.h5ad"


def in_raw(folder, sample):
    full = new(sample, csr_matrix(sample.counts))
    adata = new(sample, np.log1p(sample.counts * 0.3) - 1)[:, :50].copy()
    adata.raw = full
    adata.write_h5ad(folder / "a.h5ad")
    return folder / "a.h5ad"


def as_zarr(version):
    def write(folder, sample):
        with ad.settings.override(zarr_write_format=version):
            new(sample, csr_matrix(sample.counts)).write_zarr(folder / "a.zarr")
        return folder / "a.zarr"

    return write


def as_text(suffix, separator, *, by_gene):
    def write(folder, sample):
        table = pd.DataFrame(sample.counts, index=sample.cells, columns=sample.symbols)
        (table.T if by_gene else table).to_csv(folder / f"a{suffix}", sep=separator)
        return folder / f"a{suffix}"

    return write


def two_genomes(folder, sample):
    """The same human cells beside a few mouse genes without a count."""
    mouse = Sample(np.zeros((3, 2), int), sample.cells[:3], ["X1", "X2"], ["X1", "X2"])
    return write_tenx_v2(folder / "a.h5", GRCh38=sample, other=mouse)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(as_anndata(csc_matrix), id="h5ad csc"),
        pytest.param(as_anndata(np.asarray), id="h5ad dense"),
        pytest.param(in_layer, id="h5ad layer"),
        pytest.param(in_raw, id="h5ad raw"),
        pytest.param(as_zarr(2), id="zarr 2"),
        pytest.param(as_zarr(3), id="zarr 3"),
        pytest.param(lambda f, s: write_tenx_v2(f / "a.h5", GRCh38=s), id="10x h5 v2"),
        pytest.param(two_genomes, id="10x h5 v2, two genomes"),
        pytest.param(lambda f, s: write_tenx_v3(f / "a.h5", s), id="10x h5 v3"),
        pytest.param(lambda f, s: write_mtx(f / "a", s, version=2), id="mtx v2"),
        pytest.param(lambda f, s: write_mtx(f / "a", s, version=3), id="mtx v3"),
        pytest.param(lambda f, s: write_mtx(f / "a", s, zipped=True), id="mtx v3, gzipped"),
        pytest.param(
            lambda f, s: write_mtx(
                f / "a", s, field="real", order=np.random.default_rng(0).permutation
            ),
            id="mtx, any order",
        ),
        pytest.param(lambda f, s: write_loom(f / "a.loom", s), id="loom"),
        pytest.param(as_text(".csv", ",", by_gene=False), id="csv"),
        pytest.param(as_text(".csv", ",", by_gene=True), id="csv by gene"),
        pytest.param(as_text(".tsv.gz", "\t", by_gene=False), id="tsv, gzipped"),
        pytest.param(as_text(".tsv", "\t", by_gene=True), id="tsv by gene"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*")  # of what anndata and zarr will do in later versions
def test_each_format_gives_the_same_cells(sample, expected, tmp_path, write):
    path = write(tmp_path, sample)

    assert hashes(path, tmp_path / "scratch") == expected


def test_the_sample_is_worth_comparing(sample, expected):
    assert list(expected) == sample.cells
    assert len(set(expected.values())) == N_CELLS
    assert sample.counts.sum() > 50_000
