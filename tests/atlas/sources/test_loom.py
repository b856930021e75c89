"""Loom files, of loompy itself and as its specification has them."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from genemamba.atlas.sources.formats import recognise_format
from genemamba.atlas.sources.loom import LoomSource
from genemamba.atlas.sources.readers import open_source, probe_columns
from genemamba.errors import SourceError
from tests.deposit_writers import Sample, write_loom

BY_LOOMPY = Path(__file__).parents[2] / "assets" / "old_formats" / "loompy-3.0.8.loom"
COUNTS = np.array([[(5 * i + 3 * j) % 7 % 4 for j in range(8)] for i in range(12)])
"""As make_loom.py has them."""


@pytest.fixture
def sample(gene_ids):
    counts = np.random.default_rng(5).poisson(0.6, (150, 30))
    cells = [f"c{i}" for i in range(150)]
    return Sample(counts, cells, gene_ids[:30], [f"S{i}" for i in range(30)])


def only(source, tmp_path):
    (candidate,) = source.candidates(scratch=tmp_path)
    return candidate


def test_a_file_of_loompy_is_read_with_its_attributes(tmp_path):
    source = open_source(BY_LOOMPY, scratch=tmp_path)

    table = source.cells.rows(0, 12)
    assert (source.location, source.scale) == ("matrix", "counts")
    np.testing.assert_array_equal(source.rows(0, 12).toarray(), COUNTS)
    assert table.index.tolist() == [f"cell{i}" for i in range(12)]
    assert list(table.columns) == ["cell_type", "n_umi"]
    assert table["cell_type"].tolist() == ["B", "T & NK", "Bβ"] * 4
    assert table["n_umi"].tolist() == COUNTS.sum(axis=1).tolist()
    assert source.var.index[:2].tolist() == ["ENSG00000167286", "ENSG00000198851"]
    assert source.var["gene_symbols"][:2].tolist() == ["CD3D", "CD3E"]


def test_a_layer_is_read_when_it_is_named(tmp_path):
    candidate = only(recognise_format(BY_LOOMPY, layer="spliced"), tmp_path)

    assert candidate.location == 'layers["spliced"]'
    np.testing.assert_array_equal(candidate.matrix.rows(0, 12).toarray(), COUNTS + 1)


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(SourceError, match=r"layer 'counts', found the layers 'spliced'"):
        only(LoomSource(path=BY_LOOMPY, layer="counts"), tmp_path)


def test_a_layer_of_a_format_without_any_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text(",CD4\nc1,1\n")

    with pytest.raises(SourceError, match="a format with layers, to read 'spliced' from") as caught:
        recognise_format(tmp_path / "a.csv", layer="spliced")

    assert caught.value.rule == "layer-unsupported"


def test_a_layer_called_counts_comes_before_the_matrix(sample, tmp_path):
    path = write_loom(tmp_path / "a.loom", sample, layers={"counts": sample.counts + 1})

    locations = [c.location for c in LoomSource(path=path).candidates(scratch=tmp_path)]

    assert locations == ['layers["counts"]', "matrix"]


@pytest.mark.parametrize("chunks", [(64, 64), (8, 7), (30, 1), (30, 150)], ids=str)
@pytest.mark.parametrize("max_nnz", [1, 100, 1000, 10**6], ids=str)
def test_blocks_cover_all_cells_and_are_bounded(sample, tmp_path, chunks, max_nnz):
    path = write_loom(tmp_path / "a.loom", sample, chunks=chunks)
    matrix = pickle.loads(pickle.dumps(only(LoomSource(path=path), tmp_path).matrix))

    blocks = list(matrix.blocks(max_nnz=max_nnz))

    bounds = [0, *(block.stop for block in blocks)]
    assert [block.start for block in blocks] == bounds[:-1]
    assert bounds[-1] == 150
    assert all(stop - start <= max(max_nnz // 30, 1) for start, stop in blocks)
    rows = np.vstack([matrix.rows(*block).toarray() for block in blocks])
    np.testing.assert_array_equal(rows, sample.counts)


def test_a_long_range_is_dense_in_parts_only(sample, tmp_path, monkeypatch):
    monkeypatch.setattr("genemamba.atlas.sources.loom_matrix.BLOCK_NNZ", 300)
    matrix = only(LoomSource(path=write_loom(tmp_path / "a.loom", sample)), tmp_path).matrix

    rows = matrix.rows(3, 149)

    assert rows.has_canonical_format
    np.testing.assert_array_equal(rows.toarray(), sample.counts[3:149])
    assert matrix.rows(7, 7).shape == (0, 30)


@pytest.mark.parametrize(
    ("spec", "expected"), [("2.0.1", "T & NK"), ("3.0.0", "T &amp; NK")], ids=["2", "3"]
)
def test_entities_are_resolved_in_files_that_had_to_be_ascii(sample, tmp_path, spec, expected):
    labels = np.asarray(["T &amp; NK"] * 150, "S")
    path = write_loom(tmp_path / "a.loom", sample, spec=spec, cell_type=labels)

    assert LoomSource(path=path).cells().rows(9, 10)["cell_type"].tolist() == [expected]


def test_columns_are_listed_from_the_header(sample, tmp_path):
    columns = {"age": np.arange(150), "umap": np.zeros((150, 2))}
    path = write_loom(tmp_path / "a.loom", sample, **columns)

    assert probe_columns(path) == ["age"]


def rename(old, new):
    return lambda file: file.move(old, new)


def test_names_of_anndata_and_seurat_are_understood(sample, tmp_path):
    path = write_loom(tmp_path / "a.loom", sample)
    with h5py.File(path, "r+") as file:
        file.move("col_attrs/CellID", "col_attrs/obs_names")
        file.move("row_attrs/Gene", "row_attrs/var_names")
        del file["row_attrs/Accession"]

    source = LoomSource(path=path)

    assert source.cells().rows(0, 2).index.tolist() == ["c0", "c1"]
    assert only(source, tmp_path).var.index.tolist() == sample.symbols


def test_cells_without_names_are_numbered(sample, tmp_path):
    path = write_loom(tmp_path / "a.loom", sample)
    with h5py.File(path, "r+") as file:
        del file["col_attrs/CellID"]

    assert LoomSource(path=path).cells().rows(3, 5).index.tolist() == ["3", "4"]


def replace(name, values):
    def damage(file):
        del file[name]
        if values is not None:
            file[name] = values

    return damage


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        pytest.param(replace("matrix", None), "no two-dimensional /matrix", id="no matrix"),
        pytest.param(replace("matrix", [1, 2]), "no two-dimensional /matrix", id="a line"),
        pytest.param(
            replace("col_attrs/CellID", [1, 2]), "2 values in col_attrs/CellID .* 150", id="cells"
        ),
        pytest.param(
            replace("row_attrs/Gene", [1, 2]), "2 values in row_attrs/Gene .* 30", id="genes"
        ),
        pytest.param(rename("row_attrs", "rows"), "no names of genes", id="no genes"),
        pytest.param(
            replace("matrix", np.full((30, 150), b"x")), "matrix of shape .* type .S1", id="text"
        ),
    ],
)
def test_a_damaged_file_is_refused(sample, tmp_path, damage, found):
    path = write_loom(tmp_path / "a.loom", sample)
    with h5py.File(path, "r+") as file:
        damage(file)

    with pytest.raises(SourceError, match=f"a\\.loom to be a whole loom file, found {found}"):
        open_source(path, scratch=tmp_path / "scratch")


def test_a_cut_file_is_refused(sample, tmp_path):
    path = write_loom(tmp_path / "a.loom", sample)
    path.write_bytes(path.read_bytes()[:3000])

    with pytest.raises(SourceError, match=r"a\.loom to be a whole loom file"):
        open_source(path, scratch=tmp_path / "scratch")
