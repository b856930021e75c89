import json
from importlib import resources

import pandas as pd
import pytest

from genemamba.atlas.genes import GeneMatch, ensembl_numbers, load_reference, map_genes

CD4, ACTB = "ENSG00000010610", "ENSG00000075624"


@pytest.fixture(scope="module")
def reference():
    return load_reference()


def test_packaged_table_is_the_one_its_description_was_written_for(reference):
    about = json.loads(
        (resources.files("genemamba.atlas") / "data" / "genes_homo_sapiens.json").read_text()
    )

    assert reference.digest == f"sha256:{about['sha256']}"
    assert len(reference.symbols) == about["n_genes"] == 78_894


def test_reference_agrees_with_the_published_gencode_table(reference, data_dir):
    path = data_dir / "genes_homo_sapiens.csv.gz"
    table = pd.read_csv(path, header=None, names=["id", "symbol", "version", "length", "biotype"])

    assert reference.symbols == dict(zip(table["id"], table["symbol"], strict=True))
    assert reference.biotypes == dict(zip(table["id"], table["biotype"], strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(CD4, GeneMatch(CD4, "ensembl"), id="id"),
        pytest.param(f"{CD4}.14", GeneMatch(CD4, "ensembl"), id="id_with_version"),
        pytest.param(
            "ENSG00000182378.15_PAR_Y", GeneMatch("ENSG00000182378", "ensembl"), id="copy_on_y"
        ),
        pytest.param("CD4", GeneMatch(CD4, "symbol"), id="symbol"),
        pytest.param(
            "C1orf112", GeneMatch("ENSG00000000460", "previous"), id="FIRRM_before_renaming"
        ),
        pytest.param("AC009227.1", GeneMatch("", "unknown"), id="version_of_a_symbol_stays"),
        pytest.param("ERCC-00002", GeneMatch("", "ercc"), id="spike_in"),
        pytest.param("ENSG00000999999", GeneMatch("", "unknown"), id="retired_id"),
        pytest.param("no such gene", GeneMatch("", "unknown"), id="no_gene"),
    ],
)
def test_name_means(reference, name, expected):
    assert reference.match(name) == expected


def test_symbol_of_several_genes_means_the_only_coding_one_or_none(reference):
    by_symbol: dict[str, list[str]] = {}
    for gene, symbol in reference.symbols.items():
        by_symbol.setdefault(symbol, []).append(gene)
    doubled = {symbol: genes for symbol, genes in by_symbol.items() if len(genes) > 1}

    assert len(doubled) == 483
    for symbol, genes in doubled.items():
        coding = [gene for gene in genes if reference.biotypes[gene] == "protein_coding"]
        found = reference.match(symbol)
        if len(coding) == 1:
            assert found == GeneMatch(coding[0], "symbol")
        else:
            assert found == GeneMatch("", "ambiguous")


def test_ids_in_a_column_come_first_then_the_name_then_a_column_of_symbols(reference):
    hints = pd.DataFrame(
        {"gene_ids": [CD4, None, "", ""], "gene_symbol": ["CD8A", "CD8A", "ACTB", "x"]}
    )

    mapped = map_genes(["ACTB", "CD4", "g3", "g4"], reference=reference, hints=hints)

    assert mapped["ensembl_id"].tolist() == [CD4, CD4, ACTB, ""]
    assert mapped["feature_name"].tolist() == ["CD4", "CD4", "ACTB", "g4"]
    assert mapped["gene_status"].tolist() == ["ensembl", "symbol", "symbol", "unknown"]
    assert mapped["feature_biotype"].tolist() == ["protein_coding"] * 3 + [""]


def test_a_column_of_ids_that_are_none_does_not_hide_the_names(reference):
    hints = pd.DataFrame({"gene_id": ["17", "18"]})

    mapped = map_genes(["CD4", "ACTB"], reference=reference, hints=hints)

    assert mapped["ensembl_id"].tolist() == [CD4, ACTB]


def test_ensembl_numbers_are_the_digits_of_the_ids():
    assert ensembl_numbers([CD4, ""]).tolist() == [10_610, 0]
