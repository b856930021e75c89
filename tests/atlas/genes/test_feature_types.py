"""Genes among features of several types and genomes."""

import pandas as pd
import pytest

from genemamba.atlas.genes.feature_types import split_features
from genemamba.errors import GenesError

TYPES = ["Antibody Capture", "Gene Expression", "CRISPR Guide Capture", "", "Antibody Capture"]


def table(**columns):
    n_vars = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=[f"f{i}" for i in range(n_vars)])


def places(split):
    return split.genes.tolist(), {
        features.key: (features.columns.tolist(), features.names) for features in split.others
    }


def test_features_without_types_are_all_genes():
    split = split_features(table(symbol=["A", "B"]))

    assert (places(split), split.n_other_genomes) == (([0, 1], {}), 0)


@pytest.mark.parametrize(
    "types",
    [
        pytest.param(TYPES, id="text"),
        pytest.param([kind or None for kind in TYPES], id="missing"),
        pytest.param(pd.Categorical(TYPES), id="categories"),
    ],
)
def test_every_other_type_is_a_set_of_its_own_and_no_type_is_a_gene(types):
    split = split_features(table(feature_types=types))

    assert places(split) == (
        [1, 3],
        {
            "antibody_capture": ([0, 4], ("f0", "f4")),
            "crispr_guide_capture": ([2], ("f2",)),
        },
    )


def test_types_that_differ_in_case_alone_are_one():
    types = ["Gene Expression", "Antibody Capture", "antibody  capture"]

    assert places(split_features(table(feature_types=types))) == (
        [0],
        {"antibody_capture": ([1, 2], ("f1", "f2"))},
    )


def test_a_type_with_a_slash_makes_no_folder():
    split = split_features(table(feature_types=["Gene Expression", "Custom /  Other"]))

    assert [features.key for features in split.others] == ["custom___other"]


@pytest.mark.parametrize(
    ("genome", "genes", "n_others"),
    [
        pytest.param(None, [0, 1, 3], 0, id="all"),
        pytest.param("GRCh38", [0, 3], 1, id="one"),
        pytest.param("mm10", [1], 2, id="other"),
    ],
)
def test_one_genome_is_taken_and_features_that_are_no_genes_stay(genome, genes, n_others):
    types = ["Gene Expression", "Gene Expression", "Antibody Capture", "Gene Expression"]
    var = table(feature_types=types, genome=["GRCh38", "mm10", None, "GRCh38"])

    split = split_features(var, genome=genome)

    assert places(split) == (genes, {"antibody_capture": ([2], ("f2",))})
    assert split.n_other_genomes == n_others


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        pytest.param({"genome": ["GRCh38", "mm10", ""]}, "GRCh38, mm10", id="others"),
        pytest.param({"genome": ["", "", ""]}, "none that is named", id="unnamed"),
        pytest.param({"symbol": ["A", "B", "C"]}, "none that is named", id="no column"),
    ],
)
def test_a_genome_that_is_not_there_is_refused_with_those_that_are(columns, found):
    with pytest.raises(GenesError, match=f"the genome 'hg19' among.*found {found}") as error:
        split_features(table(**columns), genome="hg19")

    assert error.value.rule == "genome-missing"


def test_features_of_which_none_is_a_gene_are_refused():
    with pytest.raises(GenesError, match="found features of Antibody Capture only") as error:
        split_features(table(feature_types=["Antibody Capture"] * 3))

    assert (error.value.rule, error.value.count) == ("genes-absent", 3)
