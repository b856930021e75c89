import time

import pandas as pd
import pytest

from genemamba.atlas.genes.mapping import ensembl_numbers, map_genes
from genemamba.atlas.genes.tables import load_reference

CD4, ACTB = "ENSG00000010610", "ENSG00000075624"
SEPTIN9, MARCHF1, MTARC1 = "ENSG00000184640", "ENSG00000145416", "ENSG00000186205"


@pytest.fixture(scope="module")
def reference():
    return load_reference()


def test_ids_in_a_column_come_first_then_the_name_then_a_column_of_symbols(reference):
    hints = pd.DataFrame(
        {"gene_ids": [CD4, None, "", ""], "gene_symbol": ["CD8A", "CD8A", "ACTB", "x"]}
    )

    mapped = map_genes(["ACTB", "CD4", "g3", "g4"], reference=reference, hints=hints)

    assert mapped["ensembl_id"].tolist() == [CD4, CD4, ACTB, ""]
    assert mapped["feature_name"].tolist() == ["CD4", "CD4", "ACTB", "g4"]
    assert mapped["gene_status"].tolist() == ["exact", "exact", "exact", "unknown"]
    assert mapped["gene_matched_by"].tolist() == ["id", "symbol", "symbol", ""]
    assert mapped["feature_biotype"].tolist() == ["protein_coding"] * 3 + [""]


def test_a_column_of_ids_that_are_none_does_not_hide_the_names(reference):
    hints = pd.DataFrame({"gene_id": ["17", "18"]})

    mapped = map_genes(["CD4", "ACTB"], reference=reference, hints=hints)

    assert mapped["ensembl_id"].tolist() == [CD4, ACTB]


def test_every_kind_of_name_has_a_status_and_keeps_its_source_name(reference):
    names = [
        "CD4", "C1orf112", "ENSG00000148362.9", "ENSG00000002079.14", "ENSG00000131484.4",
        "Y_RNA", "novel", "ERCC-00002", "ENSSASG00005000004", "9-Sep",
    ]  # fmt: skip

    mapped = map_genes(names, reference=reference)

    assert mapped.index.tolist() == names
    assert list(mapped[["gene_status", "gene_matched_by", "feature_name"]].itertuples(index=False)) == [
        ("exact", "symbol", "CD4"),
        ("previous", "symbol", "FIRRM"),
        ("previous", "retired_id", "PAXX"),
        ("previous", "retired_id", "MYH16"),
        ("retired", "", "ENSG00000131484"),
        ("ambiguous", "", "Y_RNA"),
        ("unknown", "", "novel"),
        ("ercc", "", "ERCC-00002"),
        ("virus", "", "ENSSASG00005000004"),
        ("previous", "date", "SEPTIN9"),
    ]  # fmt: skip
    assert mapped["feature_biotype"].tolist()[-3:] == ["spike-in", "virus", "protein_coding"]


def test_retired_gene_keeps_the_symbol_it_had(reference):
    mapped = map_genes(["ENSG00000234166.3"], reference=reference)

    assert mapped.loc["ENSG00000234166.3", ["ensembl_id", "feature_name", "gene_status"]].tolist() == [
        "", "ARHGEF19-AS1", "retired",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["1-Mar", "CD4"], ["", CD4], id="two_symbols_and_no_other_sign"),
        pytest.param(["1-Mar", "MARC1"], [MARCHF1, MTARC1], id="the_one_that_is_not_there"),
        pytest.param(["1-Mar", MARCHF1], [MTARC1, MARCHF1], id="the_other_by_id"),
        pytest.param(["1-Mar", "MARCH1", "MTARC1"], ["", MARCHF1, MTARC1], id="both_there"),
        pytest.param(["1-Mar", "1-Mar-1"], ["", ""], id="both_mangled"),
        pytest.param(["1-Mar", "1-Mar", "MARC1"], ["", "", MTARC1], id="two_for_one_place"),
        pytest.param(["9-Sep", "9-Sep.1"], [SEPTIN9, SEPTIN9], id="copy_of_a_date"),
        pytest.param(["2009-09-01"], [""], id="day_or_year"),
        pytest.param(["2009-09-01", "2001-12-01"], [SEPTIN9, "ENSG00000173077"], id="years"),
        pytest.param(
            ["2018-09-09", "2018-12-01"], [SEPTIN9, "ENSG00000173077"], id="days_of_one_year"
        ),
    ],
)
def test_dates_mean(reference, names, expected):
    assert map_genes(names, reference=reference)["ensembl_id"].tolist() == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["CD4", "CD4"], [("exact", "symbol")] * 2, id="one_gene_twice"),
        pytest.param(["CD4", "CD4-1"], [("exact", "symbol"), ("exact", "copy")], id="scanpy"),
        pytest.param(["CD4", "CD4.1"], [("exact", "symbol"), ("exact", "copy")], id="r"),
        pytest.param([CD4, f"{CD4}-1"], [("exact", "id"), ("exact", "copy")], id="id"),
        pytest.param(["CD4-1", "ACTB"], [("unknown", ""), ("exact", "symbol")], id="no_first"),
        pytest.param(["MKKS"], [("exact", "shared_symbol")], id="shared_symbol_alone"),
        pytest.param(["MKKS", "MKKS-1"], [("ambiguous", "")] * 2, id="shared_symbol_copied"),
        pytest.param(["MKKS", "MKKS"], [("ambiguous", "")] * 2, id="shared_symbol_twice"),
        pytest.param(["NKX2-1", "NKX2"], [("exact", "symbol"), ("unknown", "")], id="real_name"),
        pytest.param(["RP11-1", "RP11"], [("unknown", "")] * 2, id="copy_of_nothing"),
    ],
)
def test_copies_mean(reference, names, expected):
    mapped = map_genes(names, reference=reference)

    assert list(zip(mapped["gene_status"], mapped["gene_matched_by"], strict=True)) == expected


def test_ids_tell_copies_of_a_shared_symbol_apart(reference):
    ids = ["ENSG00000125863", "ENSG00000285508"]
    hints = pd.DataFrame({"gene_ids": ids})

    mapped = map_genes(["MKKS", "MKKS-1"], reference=reference, hints=hints)

    assert mapped["ensembl_id"].tolist() == ids
    assert mapped["gene_matched_by"].tolist() == ["id", "id"]


def test_sixty_thousand_names_are_mapped_in_seconds(reference):
    names = [f"{gene}.7" for gene in list(reference.symbols)[:30_000]]
    names += list(reference.symbols.values())[30_000:60_000]

    start = time.perf_counter()
    mapped = map_genes(names, reference=reference)

    # 0.7 s on an idle core; the bound leaves room for a busy one.
    assert time.perf_counter() - start < 5
    assert mapped["ensembl_id"].tolist()[:30_000] == list(reference.symbols)[:30_000]


def test_most_umis_of_a_real_deposit_are_mapped(reference, packaged, data_dir):
    path = packaged("celltypist", "data/samples/sample_cell_by_gene.csv")
    totals = pd.read_csv(path, index_col=0, nrows=40).sum()
    hgnc = load_reference(data_dir / "hgnc_symbols_2021-03.tsv.gz")

    shares = {
        name: totals.to_numpy()[
            (map_genes(totals.index.tolist(), reference=table)["ensembl_id"] != "").to_numpy()
        ].sum()
        / totals.sum()
        for name, table in {"packaged": reference, "hgnc": hgnc}.items()
    }

    # Of the whole file 92.4 % and 96.3 %; most of the rest are MTRNR2L genes, which GENCODE has
    # given up, and clones.
    assert shares["packaged"] > 0.88
    assert shares["hgnc"] > shares["packaged"] + 0.02


def test_ensembl_numbers_are_the_digits_of_the_ids():
    assert ensembl_numbers([CD4, ""]).tolist() == [10_610, 0]
