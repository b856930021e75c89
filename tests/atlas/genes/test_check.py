"""Genes are refused by their names first, and by their transcripts afterwards."""

import numpy as np
import pandas as pd
import pytest

from genemamba import keys
from genemamba.atlas.genes.check import map_features, refuse_unknown_genes, share_mapped
from genemamba.atlas.genes.tables import load_reference
from genemamba.errors import GenesError

CD4 = "ENSG00000010610"


def names(*texts, **columns):
    return pd.DataFrame(columns, index=list(texts))


def novel(n):
    return [f"novel{i}" for i in range(n)]


def statuses(**counts):
    """Genes of a store by status, with the names of their places."""
    held = [status for status, n in counts.items() for _ in range(n)]
    return pd.DataFrame({keys.GENE_STATUS: held}, index=[f"g{i}" for i in range(len(held))])


@pytest.mark.parametrize(
    ("var", "genome", "ids"),
    [
        pytest.param(names("CD4", *novel(49)), None, [CD4, *[""] * 49], id="two percent known"),
        pytest.param(names(f"{CD4}.12"), None, [CD4], id="id with version"),
        pytest.param(names(*novel(2), ensembl_id=[CD4, ""]), None, [CD4, ""], id="id in a column"),
        pytest.param(
            names(*novel(99), "CD4", feature_types=[*["Antibody Capture"] * 99, "Gene Expression"]),
            *(None, [CD4]),
            id="antibodies do not count",
        ),
        pytest.param(
            names("ENSMUSG00000059552", "CD4", genome=["mm10", "GRCh38"]),
            *("GRCh38", [CD4]),
            id="one genome of two",
        ),
        pytest.param(names("ERCC-00002", *novel(9)), None, [""] * 10, id="controls are known"),
    ],
)
def test_genes_that_may_be_human_are_mapped(var, genome, ids):
    found = map_features(var, load_reference(), genome=genome)

    assert found.genes["ensembl_id"].tolist() == ids
    assert found.genes.index.tolist() == var.index[found.features.genes].tolist()
    assert found.features.genes.tolist() == list(range(len(var)))[-len(ids) :]


def test_names_of_nothing_are_refused_with_examples_before_any_value_is_read():
    with pytest.raises(GenesError, match=r"found 1 of 51 that are known.*'novel0'") as error:
        map_features(names("CD4", *novel(50)), load_reference(), genome=None)

    assert (error.value.rule, error.value.count) == ("genes-unknown", 50)
    assert list(error.value.examples) == novel(5)


def test_two_species_at_once_are_refused():
    mixture = names("ENSG00000010610", "ENSMUSG00000059552")

    with pytest.raises(GenesError, match="mouse"):
        map_features(mixture, load_reference(), genome=None)


@pytest.mark.parametrize(
    ("var", "totals", "share"),
    [
        pytest.param(statuses(exact=1, unknown=1), [3, 1], 0.75, id="half the genes"),
        pytest.param(statuses(previous=1, alias=1, retired=2), [1, 2, 3, 4], 0.3, id="kinds"),
        pytest.param(statuses(exact=1, ambiguous=1), [0, 5], 0.0, id="ambiguous"),
        pytest.param(statuses(exact=1, ercc=1, virus=1), [2, 90, 8], 1.0, id="controls"),
        pytest.param(statuses(ensembl=1, symbol=1), [2, 90], 1.0, id="schema 1"),
        pytest.param(statuses(ercc=1), [7], 0.0, id="controls alone"),
    ],
)
def test_the_share_is_of_transcripts_of_genes(var, totals, share):
    assert share_mapped(var, np.array(totals, dtype=float)) == pytest.approx(share, abs=1e-12)


def test_half_of_the_transcripts_is_enough():
    refuse_unknown_genes(statuses(exact=1, unknown=9), np.array([9.0] + [1.0] * 9))


def test_less_is_refused_with_the_unknown_genes_that_have_the_most():
    var = statuses(exact=2, unknown=6)
    totals = np.array([40.0, 9.0, 1.0, 2.0, 30.0, 4.0, 5.0, 9.0])

    with pytest.raises(
        GenesError,
        match=r"found 49\.0% of the UMIs and 25\.0% of the genes mapped; .* are 'g4', 'g7'",
    ) as error:
        refuse_unknown_genes(var, totals)

    assert (error.value.rule, error.value.count) == ("genes-unmapped", 6)
    assert list(error.value.examples) == ["g4", "g7", "g6", "g5", "g3"]
