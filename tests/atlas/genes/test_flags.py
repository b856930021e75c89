import numpy as np
import pandas as pd
import pytest

from genemamba import keys
from genemamba.atlas.genes.flags import MITOCHONDRIAL_IDS, flag_genes
from genemamba.atlas.genes.tables import load_reference

RIBOSOMAL = {
    # The 80 proteins of Ban et al. 2014 but FAU, UBA52 and RACK1, and the copy on chromosome Y.
    "RPSA", "RPS2", "RPS3", "RPS3A", "RPS4X", "RPS4Y1", "RPS5", "RPS6", "RPS7", "RPS8",
    "RPS9", "RPS10", "RPS11", "RPS12", "RPS13", "RPS14", "RPS15", "RPS15A", "RPS16", "RPS17",
    "RPS18", "RPS19", "RPS20", "RPS21", "RPS23", "RPS24", "RPS25", "RPS26", "RPS27", "RPS27A",
    "RPS28", "RPS29", "RPL3", "RPL4", "RPL5", "RPL6", "RPL7", "RPL7A", "RPL8", "RPL9",
    "RPL10", "RPL10A", "RPL11", "RPL12", "RPL13", "RPL13A", "RPL14", "RPL15", "RPL17",
    "RPL18", "RPL18A", "RPL19", "RPL21", "RPL22", "RPL23", "RPL23A", "RPL24", "RPL26",
    "RPL27", "RPL27A", "RPL28", "RPL29", "RPL30", "RPL31", "RPL32", "RPL34", "RPL35",
    "RPL35A", "RPL36", "RPL36A", "RPL37", "RPL37A", "RPL38", "RPL39", "RPL41", "RPLP0",
    "RPLP1", "RPLP2",
}  # fmt: skip

PARALOGUES = {
    "RPS4Y2", "RPS27L", "RPSA2", "RPL3L", "RPL7L1", "RPL10L", "RPL22L1", "RPL26L1", "RPL36AL",
    "RPL39L",
}  # fmt: skip


@pytest.fixture(scope="module")
def reference_var():
    symbols = load_reference().symbols
    return pd.DataFrame({keys.FEATURE_NAME: symbols.values()}, index=list(symbols))


def test_flags_of_the_whole_reference_are_the_known_genes(reference_var):
    flags = flag_genes(reference_var)
    symbols = reference_var[keys.FEATURE_NAME]

    assert set(reference_var.index[flags.mt]) == MITOCHONDRIAL_IDS
    assert len(MITOCHONDRIAL_IDS) == flags.mt.sum() == 37
    assert symbols[flags.mt].str.startswith("MT-").all()
    assert symbols[flags.mt].str.fullmatch("MT-T.*").sum() == 22
    assert symbols[flags.mt].str.fullmatch("MT-RNR[12]").sum() == 2
    assert set(symbols[flags.ribo]) == RIBOSOMAL | PARALOGUES
    assert sorted(symbols[flags.hb]) == [
        "HBA1", "HBA2", "HBB", "HBD", "HBE1", "HBG1", "HBG2", "HBM", "HBQ1", "HBZ",
    ]  # fmt: skip
    assert (flags.ribo.sum(), flags.hb.sum()) == (88, 10)
    assert not ((flags.mt & flags.ribo) | (flags.mt & flags.hb) | (flags.ribo & flags.hb)).any()


@pytest.mark.parametrize(
    "name",
    [
        "RPS6KA1", "RPS6KL1", "RPS19BP1", "RPS10-NUDT3", "RPL17-C18orf32", "RPL30-AS1",
        "RPL21P28", "RPLP0P2", "RPS4XP1", "MTND1P23", "MTOR", "MT1A", "HBP1", "HBEGF", "HBS1L",
        "HBBP1", "HBAP1",
    ],
)  # fmt: skip
def test_genes_of_similar_names_are_not_flagged(name):
    flags = flag_genes(pd.DataFrame(index=[name]))

    assert (flags.mt.tolist(), flags.ribo.tolist(), flags.hb.tolist()) == (
        [False],
        [False],
        [False],
    )


def test_mitochondrial_genes_are_known_by_their_id_alone():
    var = pd.DataFrame(
        {keys.FEATURE_NAME: ["ENSG00000198888", "GAPDH"]},
        index=["ENSG00000198888", "ENSG00000111640"],
    )

    assert flag_genes(var).mt.tolist() == [True, False]


def test_genes_that_were_not_measured_are_not_flagged():
    var = pd.DataFrame({keys.MEASURED: [True, False]}, index=["MT-ND1", "MT-ND2"])

    assert np.flatnonzero(flag_genes(var).mt).tolist() == [0]
