import gzip
import hashlib
import json
from collections import defaultdict
from importlib import resources

import pandas as pd
import pytest

from genemamba.atlas.genes.reference import GeneMatch, RetiredGene
from genemamba.atlas.genes.tables import load_reference

CD4, CD99, PAXX = "ENSG00000010610", "ENSG00000002586", "ENSG00000310560"
HGNC = "symbol\tprev_symbol\talias_symbol\tensembl_gene_id\n"


@pytest.fixture(scope="module")
def reference():
    return load_reference()


@pytest.fixture
def with_hgnc(tmp_path):
    def load(*rows: tuple[str, str, str, str]):
        path = tmp_path / "hgnc.txt"
        path.write_text(HGNC + "".join("\t".join(row) + "\n" for row in rows))
        return load_reference(path)

    return load


def test_packaged_table_is_the_one_its_description_was_written_for(reference):
    folder = resources.files("genemamba.atlas") / "data"
    about = json.loads((folder / "genes_homo_sapiens.json").read_text())

    assert reference.digest == f"sha256:{about['sha256']}"
    assert reference.about == {**about, "digest": reference.digest}
    assert len(reference.symbols) == about["n_genes"] == 78_894
    assert len(reference.retired) == about["n_retired"] == 1_237
    assert (folder / "genes_homo_sapiens.tsv.gz").stat().st_size < 2_000_000


def test_reference_agrees_with_the_published_gencode_table(reference, data_dir):
    path = data_dir / "genes_homo_sapiens.csv.gz"
    table = pd.read_csv(path, header=None, names=["id", "symbol", "version", "length", "biotype"])

    assert reference.symbols == dict(zip(table["id"], table["symbol"], strict=True))
    assert reference.biotypes == dict(zip(table["id"], table["biotype"], strict=True))


def test_retired_genes_are_those_that_the_newer_release_lacks(reference, packaged):
    path = packaged("celltypist", "data/samples/GENCODEv44_Gene_id2name.csv")
    older = pd.read_csv(path, header=None, names=["id", "symbol"])
    gone = older[~older["id"].isin(reference.symbols)]

    symbols = {gene: retired.symbol for gene, retired in reference.retired.items()}
    assert symbols == dict(zip(gone["id"], gone["symbol"], strict=True))
    assert reference.retired["ENSG00000148362"] == RetiredGene("PAXX", PAXX)
    current = pd.DataFrame({"heir": reference.symbols.keys(), "symbol": reference.symbols.values()})
    current = current[~current["heir"].isin(reference.copies_on_y)]
    heirs = gone.merge(current.drop_duplicates("symbol", keep=False), on="symbol")
    successors = {
        gene: retired.successor for gene, retired in reference.retired.items() if retired.successor
    }
    assert successors == dict(zip(heirs["id"], heirs["heir"], strict=True))
    assert len(successors) == 26


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(CD4, GeneMatch(CD4, "exact", "id"), id="id"),
        pytest.param(f"{CD4}.14", GeneMatch(CD4, "exact", "id"), id="id_with_version"),
        pytest.param(
            "ENSG00000182378.15_PAR_Y",
            GeneMatch("ENSG00000182378", "exact", "id"),
            id="copy_on_y",
        ),
        pytest.param("ENSG00000292348", GeneMatch(CD99, "exact", "id"), id="id_on_y"),
        pytest.param("CD99", GeneMatch(CD99, "exact", "symbol"), id="symbol_on_x_and_y"),
        pytest.param("CD4", GeneMatch(CD4, "exact", "symbol"), id="symbol"),
        pytest.param("hg19_CD4", GeneMatch(CD4, "exact", "symbol"), id="genome_in_front"),
        pytest.param(
            "C1ORF112", GeneMatch("ENSG00000000460", "previous", "symbol"), id="FIRRM_in_capitals"
        ),
        pytest.param(
            "SEPT9", GeneMatch("ENSG00000184640", "previous", "symbol"), id="before_renaming"
        ),
        pytest.param("9-Sep", GeneMatch("ENSG00000184640", "previous", "date"), id="date"),
        pytest.param("1-Mar", GeneMatch("", "ambiguous", "date"), id="date_of_two"),
        pytest.param(
            "ENSG00000148362.9", GeneMatch(PAXX, "previous", "retired_id"), id="id_with_successor"
        ),
        pytest.param("ENSG00000131484.4", GeneMatch("", "retired"), id="id_without_successor"),
        pytest.param("ARHGEF19-AS1", GeneMatch("", "retired"), id="symbol_of_retired"),
        pytest.param("ENSG00000999999", GeneMatch("", "unknown"), id="id_nobody_knows"),
        pytest.param("AC009227.1", GeneMatch("", "unknown"), id="version_of_a_symbol_stays"),
        pytest.param("40057", GeneMatch("", "unknown"), id="number"),
        pytest.param("ERCC-00002", GeneMatch("", "ercc"), id="spike_in"),
        pytest.param("ENSSASG00005000002", GeneMatch("", "virus"), id="virus_id"),
        pytest.param("actb", GeneMatch("", "unknown"), id="small_letters"),
        pytest.param("no such gene", GeneMatch("", "unknown"), id="no_gene"),
    ],
)
def test_name_means(reference, name, expected):
    assert reference.match(name) == expected


def test_symbol_of_several_genes_means_the_only_coding_one_or_none(reference):
    by_symbol: dict[str, list[str]] = defaultdict(list)
    for gene, symbol in reference.symbols.items():
        by_symbol[symbol].append(gene)
    assert sum(len(genes) > 1 for genes in by_symbol.values()) == 483
    without_y = {
        symbol: [gene for gene in genes if gene not in reference.copies_on_y]
        for symbol, genes in by_symbol.items()
    }
    doubled = {symbol: genes for symbol, genes in without_y.items() if len(genes) > 1}

    assert len(doubled) == 447
    assert doubled.keys() <= reference.shared
    for symbol, genes in doubled.items():
        coding = [gene for gene in genes if reference.biotypes[gene] == "protein_coding"]
        expected = GeneMatch("", "ambiguous")
        if len(coding) == 1:
            expected = GeneMatch(coding[0], "exact", "shared_symbol")
        assert reference.match(symbol) == expected


def test_copies_on_y_have_the_symbols_and_biotypes_of_the_genes_on_x(reference):
    # 62 of the 64 genes that Ensembl has in the pseudoautosomal regions of Y.
    assert len(reference.copies_on_y) == 62
    for on_y, on_x in reference.copies_on_y.items():
        assert reference.biotypes[on_y] == reference.biotypes[on_x]
        named = reference.symbols[on_y] != on_y
        assert reference.symbols[on_x] == (reference.symbols[on_y] if named else on_x)


def test_earlier_symbols_are_those_that_the_older_release_has(reference, packaged):
    path = packaged("celltypist", "data/samples/GENCODEv44_Gene_id2name.csv")
    older = pd.read_csv(path, header=None, names=["id", "symbol"])
    current = pd.DataFrame({"id": reference.symbols.keys(), "now": reference.symbols.values()})
    both = older.merge(current, on="id")
    renamed = both[(both["symbol"] != both["now"]) & (both["symbol"] != both["id"])]
    only_then = renamed[~renamed["symbol"].isin(current["now"])].drop_duplicates(
        "symbol", keep=False
    )

    found = [reference.match(symbol) for symbol in only_then["symbol"]]

    assert [match.ensembl_id for match in found] == only_then["id"].tolist()
    assert {match.status for match in found} == {"previous"}
    assert len(found) > 100


def test_symbol_that_moved_to_another_gene_is_shared(reference):
    # ENSG00000285508 and ENSG00000285723 were called MKKS in GENCODE 44, too.
    found = reference.match("MKKS")

    assert found == GeneMatch("ENSG00000125863", "exact", "shared_symbol")


def test_hgnc_adds_previous_symbols_and_aliases(with_hgnc):
    reference = with_hgnc(
        ("CD4", "T4", "CD4mut|LEU3", CD4),
        # An alias that is a current symbol, one that is a previous one, one that two genes have.
        ("ACTB", "", "CD8A|T4|LEU3", "ENSG00000075624"),
        ("PAXX", "C9orf142", "", "ENSG00000148362"),
        ("WITHOUT", "NOWHERE", "", ""),
    )

    assert reference.match("T4") == GeneMatch(CD4, "previous", "symbol")
    assert reference.match("CD4mut") == GeneMatch(CD4, "alias", "symbol")
    assert reference.match("LEU3") == GeneMatch("", "ambiguous")
    assert reference.symbols[reference.match("CD8A").ensembl_id] == "CD8A"
    assert reference.match("C9orf142") == GeneMatch(PAXX, "previous", "symbol")
    assert reference.match("NOWHERE") == GeneMatch("", "unknown")


def test_hgnc_file_is_part_of_the_digest(with_hgnc, reference):
    row = ("CD4", "T4", "", CD4)

    one, other = with_hgnc(row), with_hgnc(row, ("ACTB", "", "", "ENSG00000075624"))

    text = HGNC + "\t".join(row) + "\n"
    source = hashlib.sha256(text.encode()).hexdigest()
    lines = f"{reference.digest.removeprefix('sha256:')}\n{source}\n"
    assert one.digest == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    assert one.about["digest"] == one.digest
    assert one.about["sources"][-1] == {
        "name": "HGNC, hgnc.txt", "licence": "CC0-1.0", "sha256_uncompressed": source,
    }  # fmt: skip
    assert len({one.digest, other.digest, reference.digest}) == 3
    assert load_reference() is reference


def test_names_of_hgnc_map_as_a_merge_of_the_tables_says(reference, data_dir):
    path = data_dir / "hgnc_symbols_2021-03.tsv.gz"
    extended = load_reference(path)
    hgnc = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    current = pd.DataFrame({"gene": reference.symbols.keys(), "now": reference.symbols.values()})
    rows = hgnc.merge(current, left_on="ensembl_gene_id", right_on="gene")
    ranks = {
        rank: rows.assign(name=rows[column].str.split("|")).explode("name").query("name != ''")
        for rank, column in {"previous": "prev_symbol", "alias": "alias_symbol"}.items()
    }
    # Only names that one row of all has, and whose meaning no rule of precedence decides:
    # HGNC has an alias that is an id, and an id means its gene whoever else has it.
    known = {*reference.by_symbol, *reference.symbols}
    every = hgnc[["symbol", "prev_symbol", "alias_symbol"]].agg("|".join, axis=1).str.split("|")
    counted = pd.concat([every.explode(), current["now"]]).value_counts()
    older = {symbol for symbol, match in reference.by_symbol.items() if symbol not in counted}
    for rank, table in ranks.items():
        plain = table[table["name"].map(counted).eq(1) & ~table["name"].isin(known)]
        assert len(plain) > 5_000
        found = [extended.match(name) for name in plain["name"]]
        assert [match.ensembl_id for match in found] == plain["gene"].tolist()
        assert {match.status for match in found} == {rank}
    assert all(extended.by_symbol[name] == reference.by_symbol[name] for name in older)


def test_packaged_bytes_are_compressed_without_a_time():
    content = (resources.files("genemamba.atlas") / "data/genes_homo_sapiens.tsv.gz").read_bytes()

    # Bytes 4 to 8 of a gzip header are the time of writing (RFC 1952).
    assert content[4:8] == bytes(4)
    assert gzip.decompress(content).startswith(
        b"ensembl_id\tsymbol\tbiotype\trelease\tsame_as\tearlier\n"
    )
