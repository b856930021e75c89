"""Gene sets laid against a vocabulary."""

import numpy as np
import pytest

from genemamba.atlas.genes.mapping import load_reference
from genemamba.errors import GenesError
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.gmt import read_gmt
from genemamba.tokens.vocabulary import Vocabulary
from tests.small_atlas import gene_ids


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """Forty genes of the reference."""
    return Vocabulary(tuple(sorted(gene_ids(40))), np.ones(40, np.float32))


@pytest.fixture
def match(vocabulary, tmp_path):
    """Write gene sets to a file, read it, and match it."""

    def match(**sets) -> GeneSets:
        lines = ["\t".join([name, "about", *genes]) for name, genes in sets.items()]
        (tmp_path / "sets.gmt").write_text("\n".join(lines))
        return GeneSets.match(read_gmt(tmp_path / "sets.gmt"), vocabulary, load_reference())

    return match


def symbols(ids) -> list[str]:
    return [load_reference().symbols[gene] for gene in ids]


def test_symbols_and_ids_mean_the_same_genes(match, vocabulary):
    ids = vocabulary.gene_ids[3:9]

    sets = match(by_id=ids, by_version=[f"{gene}.7" for gene in ids], by_symbol=symbols(ids))

    assert sets.names == ("by_id", "by_version", "by_symbol")
    assert set(sets.members) == {frozenset(ids)}


def test_only_sets_of_five_to_five_hundred_measured_genes_are_used(match, vocabulary):
    ids = vocabulary.gene_ids
    absent = gene_ids(700)[40:]

    sets = match(
        four=ids[:4], five=ids[:5], four_measured=[*ids[:4], *absent[:300]],
        many_absent=[*ids[:6], *absent], unknown=["gag", "vif", "vpr", "vpu", "rev"],
    )  # fmt: skip

    assert sets.names == ("five", "many_absent")
    assert sets.summary == {
        "n_sets": 5, "n_sets_used": 2, "n_genes": 6 + 660 + 5, "n_genes_known": 666,
        "n_genes_measured": 6, "n_genes_used": 6,
    }  # fmt: skip


def test_more_than_five_hundred_measured_genes_are_too_many(tmp_path):
    ids = sorted(gene_ids(501))
    vocabulary = Vocabulary(tuple(ids), np.ones(501, np.float32))
    lines = [f"{len(genes)}\t\t" + "\t".join(genes) for genes in (ids, ids[:-1])]
    (tmp_path / "sets.gmt").write_text("\n".join(lines))

    sets = GeneSets.match(read_gmt(tmp_path / "sets.gmt"), vocabulary, load_reference())

    assert sets.names == ("500",)


def test_gene_sets_of_other_genes_are_refused(match):
    with pytest.raises(
        GenesError, match=r"found none of 2: 3 of 13 genes are measured, 3 in the largest set"
    ) as refused:
        match(mouse=[f"Actb{i}" for i in range(10)], few=gene_ids(3))

    assert refused.value.rule == "gene-sets-unmatched"


def test_bits_of_two_tokens_meet_where_they_share_a_set(match, vocabulary):
    rng = np.random.default_rng(0)
    written = {
        f"set{i}": rng.choice(vocabulary.gene_ids, size=6, replace=False).tolist()
        for i in range(70)
    }

    bits = match(**written).bits_by_token(vocabulary)

    assert bits.shape == (43, 2)
    assert not bits[[0, 1, 42]].any()
    for i, first in enumerate(vocabulary.gene_ids):
        for j, second in enumerate(vocabulary.gene_ids):
            expected = any(first in genes and second in genes for genes in written.values())
            assert (bits[2 + i] & bits[2 + j]).any() == expected


def test_most_of_reactome_is_found_in_human_blood(data_dir):
    """Counted once by a plain join of symbols with the table of GENCODE 48 beside the data."""
    anndata = pytest.importorskip("anndata")
    var = anndata.read_h5ad(data_dir / "pbmc_multistudy.h5ad", backed="r").var
    ids = sorted(set(var["ensembl_id"]) - {""})
    vocabulary = Vocabulary(tuple(ids), np.ones(len(ids), np.float32))
    file = read_gmt(data_dir / "ReactomePathways.gmt")

    summary = GeneSets.match(file, vocabulary, load_reference()).summary

    import pandas as pd

    table = pd.read_csv(data_dir / "genes_homo_sapiens.csv.gz", header=None)
    plain = set(table[1][table[0].isin(ids)])
    joined = {gene for genes in file.sets.values() for gene in genes if gene in plain}
    assert summary["n_genes_measured"] == pytest.approx(len(joined), rel=0.01)
    assert summary["n_sets_used"] > 1_000
