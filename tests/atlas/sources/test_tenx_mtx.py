"""10x mtx folders, against scanpy's reader and against the counts that were written."""

import gzip

import numpy as np
import pytest
import scanpy as sc

from genemamba.atlas.sources.readers import open_source
from genemamba.atlas.sources.tenx_mtx import TenxMtxSource
from genemamba.errors import SourceError
from tests.deposit_writers import Sample, write_lines, write_mtx

BARCODES = ["AAAC-1", "AAAG-1", "AACC-1", "AACT-1", "AAGG-1"]


@pytest.fixture
def sample(gene_ids):
    counts = np.random.default_rng(3).poisson(0.7, (5, 8))
    counts[2] = 0
    counts[4, 7] = 12_345
    return Sample(counts, BARCODES, gene_ids[:8], [f"SYMBOL{i}" for i in range(8)])


def read(path, tmp_path):
    """Read the cells, the features and the entries, which wait to be asked for."""
    source = TenxMtxSource(path=path)
    (candidate,) = source.candidates(scratch=tmp_path / "scratch")
    matrix = candidate.matrix.by_cells(tmp_path / "scratch" / "entries")
    assert candidate.matrix.shape == matrix.shape
    return source.cells(), candidate._replace(matrix=matrix)


@pytest.mark.parametrize("prefix", ["", "GSM1_lung_"], ids=["plain", "prefixed"])
@pytest.mark.parametrize(
    ("version", "zipped"), [(2, False), (3, True)], ids=["version 2", "version 3"]
)
def test_a_folder_reads_as_scanpy_reads_it(sample, tmp_path, version, zipped, prefix):
    folder = write_mtx(tmp_path / "mtx", sample, version=version, zipped=zipped, prefix=prefix)

    cells, candidate = read(folder, tmp_path)

    expected = sc.read_10x_mtx(folder, var_names="gene_ids", prefix=prefix or None)
    assert cells.rows(0, 5).index.tolist() == expected.obs_names.tolist() == BARCODES
    assert candidate.var.index.tolist() == expected.var_names.tolist()
    assert candidate.var["gene_symbols"].tolist() == expected.var["gene_symbols"].tolist()
    assert candidate.var["feature_types"].tolist() == ["Gene Expression"] * 8
    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), expected.X.toarray())
    np.testing.assert_array_equal(candidate.matrix.rows(1, 4).toarray(), sample.counts[1:4])


def test_the_matrix_itself_can_be_named_among_others(sample, tmp_path):
    write_mtx(tmp_path, sample, prefix="a_")
    write_mtx(tmp_path, sample._replace(counts=sample.counts * 2), prefix="b_", zipped=True)

    _, candidate = read(tmp_path / "b_matrix.mtx.gz", tmp_path)

    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), sample.counts * 2)
    with pytest.raises(SourceError, match=r"found 2 matrices \(a_matrix\.mtx, b_matrix\.mtx\.gz\)"):
        read(tmp_path, tmp_path)


@pytest.mark.parametrize("block_bytes", [8, 64, 10**6], ids=str)
@pytest.mark.parametrize(
    "order",
    [
        pytest.param(lambda n: range(n), id="by cell"),
        pytest.param(lambda n: np.random.default_rng(0).permutation(n), id="any"),
        pytest.param(lambda n: range(n)[::-1], id="backwards"),
    ],
)
def test_entries_come_in_any_order(sample, tmp_path, monkeypatch, order, block_bytes):
    folder = write_mtx(tmp_path / "mtx", sample, order=order)
    monkeypatch.setattr("genemamba.atlas.sources.mtx_entries.BLOCK_BYTES", block_bytes)

    _, candidate = read(folder, tmp_path)

    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), sample.counts)
    left = sorted(path.name for path in (tmp_path / "scratch" / "entries").iterdir())
    assert left == ["data.bin", "indices.bin", "indptr.npy"]


def test_a_sort_in_parts_gives_the_same(tmp_path, gene_ids, monkeypatch):
    counts = np.random.default_rng(1).poisson(0.5, (300, 20))
    big = Sample(counts, [f"c{i}" for i in range(300)], gene_ids[:20], gene_ids[:20])
    order = np.random.default_rng(0).permutation
    folder = write_mtx(tmp_path / "mtx", big, order=order)
    monkeypatch.setattr("genemamba.atlas.sources.triplets.BLOCK_NNZ", 100)

    _, candidate = read(folder, tmp_path)

    np.testing.assert_array_equal(candidate.matrix.rows(0, 300).toarray(), counts)


def test_repeated_entries_add_up(sample, tmp_path):
    folder = write_mtx(tmp_path, sample)
    lines = ["%%MatrixMarket matrix coordinate integer general", "8 5 3", "1 1 2", "2 2 1", "1 1 3"]
    write_lines(folder / "matrix.mtx", lines)

    _, candidate = read(folder, tmp_path)

    assert candidate.matrix.rows(0, 1).toarray()[0, 0] == 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("3.0", 3), ("2.5", 2.5), ("1e+02", 100), ("1.50E1", 15), ("-4", -4), ("+4", 4),
        (".5", 0.5), ("0.1", 0.1), ("123456789012345", 123456789012345), ("4\r", 4),
        ("0.69314718055994529", np.log(2)), ("00012", 12), ("5e-1", 0.5), ("0", 0),
        ("123456789012345678901", 123456789012345678901.0),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_are_read_as_python_reads_them(sample, tmp_path, text, value):
    folder = write_mtx(tmp_path, sample)
    header = ["%%MatrixMarket matrix coordinate real general", "%", "8 5 1"]
    write_lines(folder / "matrix.mtx", [*header, f"  3\t2   {text} "])

    _, candidate = read(folder, tmp_path)

    assert float(candidate.matrix.rows(1, 2).toarray()[0, 2]) == pytest.approx(value, rel=2.3e-16)


def test_prefixes_of_genomes_are_told_from_the_ids(sample, tmp_path):
    human = sample.ids[0]
    ids = [
        f"GRCh38_______{human}",
        "mm10_________ENSMUSG00000059552",
        "GRCh38_ACTB",
        "CD3_TotalSeq",
    ]
    barnyard = Sample(sample.counts[:, :4], BARCODES, ids, ["GRCh38_A", "mm10_Trp53", *ids[2:]])
    types = ["Gene Expression"] * 3 + ["Antibody Capture"]
    folder = write_mtx(tmp_path / "mtx", barnyard, types=types)

    _, candidate = read(folder, tmp_path)

    assert candidate.var.index.tolist() == [human, "ENSMUSG00000059552", "ACTB", "CD3_TotalSeq"]
    assert candidate.var["gene_symbols"].tolist() == ["A", "Trp53", "ACTB", "CD3_TotalSeq"]
    assert candidate.var["genome"].tolist() == ["GRCh38", "mm10", "GRCh38", ""]
    assert candidate.var["feature_types"].tolist() == types
    assert candidate.var["source_feature_id"].tolist() == ids


def test_a_file_that_was_unpacked_under_its_old_name_is_read(sample, tmp_path):
    folder = write_mtx(tmp_path / "mtx", sample, zipped=True)
    packed = folder / "matrix.mtx.gz"
    packed.write_bytes(gzip.decompress(packed.read_bytes()))

    _, candidate = read(folder, tmp_path)

    np.testing.assert_array_equal(candidate.matrix.rows(0, 5).toarray(), sample.counts)


def test_a_folder_is_told_from_others_by_what_is_in_it(sample, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README").touch()
    folder = write_mtx(tmp_path / "mtx", sample)

    assert open_source(folder, scratch=tmp_path / "scratch").location == "matrix"
    with pytest.raises(SourceError, match="found a folder other with README"):
        open_source(tmp_path / "other", scratch=tmp_path / "scratch")


BANNER = "%%MatrixMarket matrix coordinate integer general"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param([BANNER, "8 5 2", "1 1 1"], "1 of the 2 entries", id="cut off"),
        pytest.param([BANNER, "8 5 1", "1 1 1", "2 1 1"], "more than the 1 entries", id="too many"),
        pytest.param([BANNER, "8 5 1", "0 1 1"], r"outside .* line 3 \('0 1 1'\)", id="row 0"),
        pytest.param([BANNER, "8 5 1", "9 1 1"], "outside 8 rows and 5 columns", id="row 9"),
        pytest.param([BANNER, "8 5 1", "1 6 1"], "outside 8 rows and 5 columns", id="column 6"),
        pytest.param([BANNER, "8 5 2", "", "1 1"], r"no row, .* line 4 \('1 1'\)", id="two fields"),
        pytest.param([BANNER, "8 5 1", "1 1 1 1"], "no row, column and number", id="four fields"),
        pytest.param([BANNER, "8 5 1", "1 1 x"], "no row, column and number", id="word"),
        pytest.param([BANNER, "8 5 1", "1 1 1,5"], "no row, column and number", id="comma"),
        pytest.param([BANNER, "8 5 1", "1 1 nan"], "no row, column and number", id="nan"),
        pytest.param([BANNER, "8 5 1", "1 1 1\0"], "no row, column and number", id="zero byte"),
        pytest.param([BANNER, "8 5 1", "1.5 1 1"], "no row, column and number", id="half a row"),
        pytest.param([BANNER, "8 5"], "no sizes of a matrix in line 2", id="no sizes"),
        pytest.param([BANNER], "no sizes of a matrix in line 2", id="nothing"),
        pytest.param(["8 5 1", "1 1 1"], "'8 5 1' in line 1", id="no banner"),
        pytest.param(
            [BANNER.replace("integer", "pattern"), "8 5 1", "1 1"], "'pattern general'", id="pattern"
        ),
        pytest.param([BANNER.replace("coordinate", "array"), "8 5"], "array", id="dense"),
        pytest.param(
            [BANNER.replace("general", "symmetric"), "8 8 0"], "integer symmetric", id="symmetric"
        ),
        pytest.param([BANNER, "5 8 0"], "5 by 8 beside 8 features and 5 .*swapped", id="swapped"),
        pytest.param([BANNER, "8 4 0"], "8 by 4 beside 8 features and 5 barcodes", id="sizes"),
    ],
)  # fmt: skip
def test_a_matrix_that_is_none_is_refused(sample, tmp_path, lines, found):
    folder = write_mtx(tmp_path, sample)
    write_lines(folder / "matrix.mtx", lines)

    with pytest.raises(SourceError, match=f"Expected .* found .*{found}"):
        read(folder, tmp_path)


@pytest.mark.parametrize(
    ("name", "missing"),
    [("features.tsv", "a table of features"), ("barcodes.tsv", "barcodes")],
    ids=["features", "barcodes"],
)
def test_a_missing_file_is_named(sample, tmp_path, name, missing):
    folder = write_mtx(tmp_path / "mtx", sample)
    (folder / name).unlink()

    with pytest.raises(SourceError, match=f"found no {missing} among .*matrix.mtx"):
        read(folder, tmp_path)


@pytest.mark.parametrize("name", ["matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz"])
def test_a_cut_gzip_stream_is_refused(sample, tmp_path, name):
    folder = write_mtx(tmp_path / "mtx", sample, zipped=True)
    (folder / name).write_bytes((folder / name).read_bytes()[:-9])

    with pytest.raises(SourceError, match=f"Expected {name} .* a damaged gzip stream"):
        read(folder, tmp_path)
