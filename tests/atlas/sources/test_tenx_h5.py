"""10x HDF5 files, against scanpy's reader and against the counts that were written."""

import pickle

import h5py
import numpy as np
import pytest
import scanpy as sc

from genemamba.atlas.sources.readers import open_source
from genemamba.atlas.sources.tenx_h5 import TenxH5Source
from genemamba.errors import SourceError
from tests.deposit_writers import Sample, write_tenx_v2, write_tenx_v3

BARCODES = ["AAAC-1", "AAAG-1", "AACC-1", "AACT-1", "AAGG-1"]


@pytest.fixture
def sample(gene_ids):
    rng = np.random.default_rng(3)
    counts = rng.poisson(0.7, (5, 8))
    counts[2] = 0
    return Sample(counts, BARCODES, gene_ids[:8], [f"SYMBOL{i}" for i in range(8)])


def read(path, tmp_path):
    source = TenxH5Source(path=path)
    (candidate,) = source.candidates(scratch=tmp_path / "scratch")
    return source.cells(), candidate


def test_a_file_of_version_3_reads_as_scanpy_reads_it(sample, tmp_path):
    path = write_tenx_v3(tmp_path / "a.h5", sample)

    cells, candidate = read(path, tmp_path)

    expected = sc.read_10x_h5(path)
    table = cells.rows(0, cells.n_obs)
    assert table.index.tolist() == expected.obs_names.tolist() == BARCODES
    assert cells.columns == ()
    assert candidate.var.index.tolist() == expected.var["gene_ids"].tolist()
    assert candidate.var["gene_symbols"].tolist() == expected.var_names.tolist()
    assert candidate.var["feature_types"].tolist() == expected.var["feature_types"].tolist()
    assert candidate.var["genome"].tolist() == expected.var["genome"].tolist()
    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), expected.X.toarray())
    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), sample.counts)


def test_a_file_of_version_2_reads_as_scanpy_reads_it(sample, tmp_path):
    path = write_tenx_v2(tmp_path / "a.h5", GRCh38=sample)

    cells, candidate = read(path, tmp_path)

    expected = sc.read_10x_h5(path, genome="GRCh38")
    assert cells.rows(0, 5).index.tolist() == expected.obs_names.tolist()
    assert candidate.var["gene_ids"].tolist() == expected.var["gene_ids"].tolist()
    assert candidate.var["gene_symbols"].tolist() == expected.var_names.tolist()
    assert candidate.var["genome"].tolist() == ["GRCh38"] * 8
    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), expected.X.toarray())


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (1, 4), (2, 3), (4, 5), (0, 99)], ids=str
)
def test_any_range_of_cells_is_read(sample, tmp_path, start, stop):
    _, candidate = read(write_tenx_v3(tmp_path / "a.h5", sample), tmp_path)

    rows = pickle.loads(pickle.dumps(candidate.matrix)).rows(start, stop)

    assert rows.has_canonical_format
    np.testing.assert_array_equal(rows.toarray(), sample.counts[start:stop])


def test_features_of_every_type_are_kept_with_their_type(sample, tmp_path):
    types = ["Gene Expression"] * 6 + ["Antibody Capture", "CRISPR Guide Capture"]
    path = write_tenx_v3(tmp_path / "a.h5", sample, types=types)

    _, candidate = read(path, tmp_path)

    assert candidate.var["feature_types"].tolist() == types
    assert candidate.matrix.shape == (5, 8)


def test_genome_prefixes_are_taken_off_and_the_source_names_kept(sample, tmp_path):
    human, mouse = sample.ids[0], "ENSMUSG00000059552"
    ids = [f"GRCh38_{human}", f"mm10___{mouse}", "GRCh38_ACTB", "CD3"]
    barnyard = Sample(sample.counts[:, :4], BARCODES, ids, ["GRCh38_A_B", "mm10___Trp53", *ids[2:]])
    genomes = ["GRCh38", "mm10", "GRCh38", ""]
    path = write_tenx_v3(tmp_path / "a.h5", barnyard, genomes=genomes)

    _, candidate = read(path, tmp_path)

    assert candidate.var.index.tolist() == [human, mouse, "ACTB", "CD3"]
    assert candidate.var["gene_symbols"].tolist() == ["A_B", "Trp53", "ACTB", "CD3"]
    assert candidate.var["genome"].tolist() == genomes
    assert candidate.var["source_feature_id"].tolist() == ids


def test_genomes_with_the_same_barcodes_lie_side_by_side(sample, tmp_path):
    mouse = sample._replace(counts=sample.counts[:, ::-1] * 2, ids=[f"m{i}" for i in range(8)])
    path = write_tenx_v2(tmp_path / "a.h5", hg19=sample, mm10=mouse)

    cells, candidate = read(path, tmp_path)

    assert cells.rows(0, 5).index.tolist() == BARCODES
    assert candidate.var.index.tolist() == sample.ids + mouse.ids
    assert candidate.var["genome"].tolist() == ["hg19"] * 8 + ["mm10"] * 8
    np.testing.assert_array_equal(
        candidate.matrix.rows(1, 4).toarray(), np.hstack([sample.counts, mouse.counts])[1:4]
    )


@pytest.mark.parametrize("in_order", [True, False], ids=["sorted", "unsorted"])
def test_genomes_with_other_barcodes_have_all_of_them_and_empty_cells(sample, tmp_path, in_order):
    own = [0, 2, 4] if in_order else [4, 0, 2]
    human = sample._replace(counts=sample.counts[own], cells=[BARCODES[i] for i in own])
    mouse = Sample(sample.counts[1:4, :3] + 1, BARCODES[1:4], ["x", "y", "z"], ["X", "Y", "Z"])
    path = write_tenx_v2(tmp_path / "a.h5", hg19=human, mm10=mouse)
    expected = np.zeros((5, 11))
    expected[[0, 2, 4], :8] = sample.counts[[0, 2, 4]]
    expected[1:4, 8:] = mouse.counts

    cells, candidate = read(path, tmp_path)

    assert cells.rows(0, 5).index.tolist() == BARCODES
    assert cells.rows(1, 3).index.tolist() == BARCODES[1:3]
    for start in range(5):
        for stop in range(start, 6):
            rows = candidate.matrix.rows(start, stop).toarray()
            np.testing.assert_array_equal(rows, expected[start:stop])
    blocks = list(candidate.matrix.blocks(max_nnz=10))
    assert [blocks[0].start, blocks[-1].stop] == [0, 5]
    assert all(candidate.matrix.rows(*block).nnz <= 10 or len(block) == 1 for block in blocks)


def test_anndata_under_the_name_of_10x_is_read_as_anndata(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5")

    source = open_source(tmp_path / "a.h5", scratch=tmp_path / "scratch")

    assert (source.location, source.n_obs) == ("X", 120)


def drop(name):
    def damage(file):
        del file["matrix"][name]

    return damage


def put(name, values):
    def damage(file):
        del file["matrix"][name]
        file["matrix"][name] = values

    return damage


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        pytest.param(drop("indptr"), "indptr", id="no pointers"),
        pytest.param(drop("features"), "neither among its parts", id="no features"),
        pytest.param(put("indptr", np.arange(6)[::-1]), "pointers do not fit", id="pointers"),
        pytest.param(put("data", np.ones(3, "int32")), "pointers do not fit", id="short values"),
        pytest.param(put("shape", [5, 8]), r"\(5, 8\).* tables of \(8, 5\)", id="swapped"),
        pytest.param(put("barcodes", np.asarray(["A"], "S")), r"tables of \(8, 1\)", id="barcodes"),
    ],
)
def test_a_damaged_file_is_refused(sample, tmp_path, damage, found):
    path = write_tenx_v3(tmp_path / "a.h5", sample)
    with h5py.File(path, "r+") as file:
        damage(file)

    with pytest.raises(SourceError, match=f"Expected a\\.h5 to .* found .*{found}"):
        read(path, tmp_path)


def test_an_index_outside_is_refused_when_it_is_read(sample, tmp_path):
    path = write_tenx_v3(tmp_path / "a.h5", sample)
    with h5py.File(path, "r+") as file:
        file["matrix/indices"][0] = 8
    _, candidate = read(path, tmp_path)

    with pytest.raises(SourceError, match="features from 0 to 8, of 8"):
        candidate.matrix.rows(0, 5)


def test_molecules_are_no_matrix(tmp_path):
    with h5py.File(tmp_path / "molecule_info.h5", "w") as file:
        file["barcodes"] = np.zeros(3)
        file.create_group("features")

    with pytest.raises(SourceError, match=r"found neither .*\(barcodes, features\).*molecule_info"):
        read(tmp_path / "molecule_info.h5", tmp_path)
