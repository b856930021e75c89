"""Tokens and medians of genes."""

import gzip

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from genemamba.errors import ModelError
from genemamba.tokens.vocabulary import Vocabulary

GENES = ["ENSG3", "ENSG1", "ENSG4", "ENSG2"]


@pytest.fixture
def counts() -> csr_matrix:
    return csr_matrix(
        np.array(
            [
                [6, 2, 0, 2],
                [1, 3, 0, 0],
                [0, 5, 0, 0],
                [0, 0, 0, 0],
            ],
            dtype=np.float32,
        )
    )


def test_from_counts_sorts_genes_and_leaves_out_those_never_seen(counts):
    vocabulary = Vocabulary.from_counts(counts, GENES)

    assert vocabulary.gene_ids == ("ENSG1", "ENSG2", "ENSG3")
    assert (vocabulary.mask_token, vocabulary.size) == (5, 6)


def test_medians_are_over_expressing_cells_in_ten_thousand_counts(counts):
    vocabulary = Vocabulary.from_counts(counts, GENES)

    # By hand: ENSG1 in (2/10, 3/4, 5/5), ENSG2 in (2/10), ENSG3 in (6/10, 1/4), times 10,000.
    assert vocabulary.medians.tolist() == [7500.0, 2000.0, 4250.0]


def test_medians_equal_those_of_a_dense_computation():
    rng = np.random.default_rng(0)
    dense = rng.poisson(0.4, size=(200, 50)).astype(np.float32)
    dense[:, 7] = 0
    genes = [f"ENSG{i:03d}" for i in rng.permutation(50)]
    scaled = dense / dense.sum(axis=1, keepdims=True) * 10_000
    expected = {
        gene: np.median(column[column > 0])
        for gene, column in zip(genes, scaled.T, strict=True)
        if column.any()
    }

    vocabulary = Vocabulary.from_counts(csr_matrix(dense), genes)

    assert list(vocabulary.gene_ids) == sorted(expected)
    np.testing.assert_allclose(
        vocabulary.medians, [expected[gene] for gene in sorted(expected)], rtol=1e-6
    )


def test_explicit_zeros_do_not_count_as_expression():
    stored = csr_matrix(([4.0, 0.0, 2.0, 6.0], [0, 1, 0, 1], [0, 2, 4]), shape=(2, 2))
    dense = csr_matrix(stored.toarray())
    assert stored.nnz == dense.nnz + 1

    assert (
        Vocabulary.from_counts(stored, ["A", "B"]).medians.tolist()
        == Vocabulary.from_counts(dense, ["A", "B"]).medians.tolist()
        == [6250.0, 7500.0]
    )


def test_positions_of_genes_in_any_order():
    vocabulary = Vocabulary(("A", "B", "C"), np.ones(3, dtype=np.float32))

    assert vocabulary.positions(["C", "X", "A"]).tolist() == [2, -1, 0]


def test_saved_file_has_specials_first_and_mask_last(counts, tmp_path):
    path = tmp_path / "vocabulary.tsv.gz"

    Vocabulary.from_counts(counts, GENES).save(path)

    assert gzip.decompress(path.read_bytes()).decode().splitlines() == [
        "ensembl_id\ttoken_id\tmedian_nonzero",
        "[UNK]\t0\t",
        "[PAD]\t1\t",
        "ENSG1\t2\t7500.0",
        "ENSG2\t3\t2000.0",
        "ENSG3\t4\t4250.0",
        "[MASK]\t5\t",
    ]


def test_loading_gives_the_saved_vocabulary_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    medians = rng.lognormal(size=100).astype(np.float32)
    vocabulary = Vocabulary(tuple(f"ENSG{i:03d}" for i in range(100)), medians)
    vocabulary.save(tmp_path / "a.tsv.gz")

    loaded = Vocabulary.load(tmp_path / "a.tsv.gz")
    loaded.save(tmp_path / "b.tsv.gz")

    assert loaded.gene_ids == vocabulary.gene_ids
    assert np.array_equal(loaded.medians, vocabulary.medians)
    assert loaded.digest == vocabulary.digest
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()


def test_published_medians_keep_their_token_order(data_dir):
    lines = gzip.decompress((data_dir / "geneformer_v1_tokens.tsv.gz").read_bytes()).decode()
    rows = [line.split("\t") for line in lines.splitlines()[3:]]

    vocabulary = Vocabulary(
        tuple(gene for gene, _, _ in rows), np.array([float(m) for *_, m in rows], np.float32)
    )

    assert vocabulary.size == 25_426 + 1
    tokens = vocabulary.positions(["ENSG00000000003", "ENSGR0000265658"]) + 2
    assert tokens.tolist() == [2, 25_425]


@pytest.mark.parametrize(
    ("genes", "medians", "message"),
    [
        (("B", "A"), [1, 1], r"sorted and each once"),
        (("A", "A"), [1, 1], r"sorted and each once"),
        (("A", "B"), [1, 0], r"median above zero for each of 2 genes, found 1"),
        (("A", "B"), [1, np.nan], r"median above zero for each of 2 genes, found 1"),
        (("A", "B"), [1], r"of shape \(1,\)"),
    ],
    ids=["unsorted", "doubled", "zero", "nan", "missing"],
)
def test_impossible_vocabulary_is_refused(genes, medians, message):
    with pytest.raises(ModelError, match=message):
        Vocabulary(genes, np.array(medians, dtype=np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", r"Expected a gzipped vocabulary"),
        (gzip.compress(b"a\tb\n1\t2\n"), r"Expected columns"),
        (
            gzip.compress(
                b"ensembl_id\ttoken_id\tmedian_nonzero\n"
                b"[PAD]\t0\t\n[UNK]\t1\t\nENSG1\t2\t1.0\n[MASK]\t3\t\n"
            ),
            r"\[UNK\], \[PAD\] and genes in order of Ensembl id",
        ),
        (
            gzip.compress(
                b"ensembl_id\ttoken_id\tmedian_nonzero\n"
                b"[UNK]\t0\t\n[PAD]\t1\t\nENSG1\t2\t\nENSG2\t3\t1.0\n[MASK]\t4\t\n"
            ),
            r"\[UNK\], \[PAD\] and genes in order of Ensembl id",
        ),
    ],
    ids=["no-gzip", "other-columns", "other-specials", "median-missing"],
)
def test_foreign_file_is_refused(content, message, tmp_path):
    path = tmp_path / "vocabulary.tsv.gz"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=message):
        Vocabulary.load(path)


@pytest.mark.parametrize("further", [(), ("[CLS]",), ("[CLS]", "[MASK]")], ids=len)
def test_tokens_after_the_genes_are_kept_on_disk(further, tmp_path):
    saved = Vocabulary(("A", "B"), np.ones(2, dtype=np.float32), further)
    saved.save(tmp_path / "a.tsv.gz")

    loaded = Vocabulary.load(tmp_path / "a.tsv.gz")

    assert (loaded.gene_ids, loaded.further) == (("A", "B"), further)
    assert (loaded.size, loaded.digest) == (4 + len(further), saved.digest)


def test_mask_token_is_where_its_name_is():
    vocabulary = Vocabulary(("A", "B"), np.ones(2, dtype=np.float32), ("[CLS]", "[MASK]"))

    assert vocabulary.mask_token == 5


def test_vocabulary_without_a_mask_token_refuses_to_name_one():
    vocabulary = Vocabulary(("A", "B"), np.ones(2, dtype=np.float32), ("[CLS]",))

    with pytest.raises(ModelError, match=r"with \[MASK\], found \[CLS\] after the genes"):
        _ = vocabulary.mask_token
