"""The formats that deposits come in, each written with h5py or as text after its specification."""

import gzip
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

TEXT = h5py.string_dtype()


class Sample(NamedTuple):
    """Cells with names, genes with ids and symbols, and their counts."""

    counts: np.ndarray
    cells: list[str]
    ids: list[str]
    symbols: list[str]


def write_tenx_v3(path: Path, sample: Sample, *, types=None, genomes=None, dtype="int32"):
    """Write as Cell Ranger 3 and later do: one group, fixed-length strings."""
    n = len(sample.ids)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        write_compressed(group, sample.counts, dtype=dtype)
        group["barcodes"] = np.asarray(sample.cells, "S")
        features = group.create_group("features")
        features["id"] = np.asarray(sample.ids, "S")
        features["name"] = np.asarray(sample.symbols, "S")
        features["feature_type"] = np.asarray(types or ["Gene Expression"] * n, "S")
        features["genome"] = np.asarray(genomes or ["GRCh38"] * n, "S")
        features["_all_tag_keys"] = np.asarray(["genome"], "S")
    return path


def write_tenx_v2(path: Path, **genomes: Sample):
    """Write as Cell Ranger before 3 did: a group a genome."""
    with h5py.File(path, "w") as file:
        for name, sample in genomes.items():
            group = file.create_group(name)
            write_compressed(group, sample.counts, dtype="int32")
            group["barcodes"] = np.asarray(sample.cells, "S")
            group["genes"] = np.asarray(sample.ids, "S")
            group["gene_names"] = np.asarray(sample.symbols, "S")
    return path


def write_compressed(group, counts, *, dtype):
    """Write features by barcodes as CSC."""
    matrix = csc_matrix(csr_matrix(counts).T)
    group["data"] = matrix.data.astype(dtype)
    group["indices"] = matrix.indices.astype("int64")
    group["indptr"] = matrix.indptr.astype("int64")
    group["shape"] = np.asarray(matrix.shape, dtype="int32")


def write_mtx(
    folder: Path, sample: Sample, *, version=3, zipped=False, prefix="", field="integer", order=None,
    types=None,
):  # fmt: skip
    """Write the three files of a 10x sample; entries by cell unless another order is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    cells, genes = np.nonzero(sample.counts)
    entries = [
        f"{gene + 1} {cell + 1} {sample.counts[cell, gene]:g}"
        for cell, gene in zip(cells, genes, strict=True)
    ]
    if order is not None:
        entries = [entries[i] for i in order(len(entries))]
    sizes = f"{len(sample.ids)} {len(sample.cells)} {len(entries)}"
    matrix = [f"%%MatrixMarket matrix coordinate {field} general", "%written here", sizes, *entries]
    rows = zip(sample.ids, sample.symbols, strict=True)
    kinds = types or ["Gene Expression"] * len(sample.ids)
    tables = {
        2: [f"{gene}\t{symbol}" for gene, symbol in rows],
        3: [
            f"{gene}\t{symbol}\t{kind}"
            for gene, symbol, kind in zip(sample.ids, sample.symbols, kinds, strict=True)
        ],
    }
    ending = ".gz" if zipped else ""
    write_lines(folder / f"{prefix}matrix.mtx{ending}", matrix)
    features = "genes" if version == 2 else "features"
    write_lines(folder / f"{prefix}{features}.tsv{ending}", tables[version])
    write_lines(folder / f"{prefix}barcodes.tsv{ending}", sample.cells)
    return folder


def write_lines(path: Path, lines):
    """Write text, gzipped where the name says so."""
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def write_loom(path: Path, sample: Sample, *, layers=(), chunks=(64, 64), spec="3.0.0", **columns):
    """Write genes by cells with attributes, strings of variable length as version 3 has them."""
    with h5py.File(path, "w") as file:
        options = {"chunks": tuple(map(min, chunks, sample.counts.T.shape)), "compression": "gzip"}
        file.create_dataset("matrix", data=sample.counts.T, **options)
        for name, values in dict(layers).items():
            file.create_dataset(f"layers/{name}", data=values.T, **options)
        file.create_dataset("row_attrs/Accession", data=sample.ids, dtype=TEXT)
        file.create_dataset("row_attrs/Gene", data=sample.symbols, dtype=TEXT)
        file.create_dataset("col_attrs/CellID", data=sample.cells, dtype=TEXT)
        for name, values in columns.items():
            file[f"col_attrs/{name}"] = values
        if spec.startswith("3"):
            file.create_dataset("attrs/LOOM_SPEC_VERSION", data=spec, dtype=TEXT)
        else:
            file.attrs["LOOM_SPEC_VERSION"] = spec
    return path
