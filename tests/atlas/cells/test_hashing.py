import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.atlas.cells.hashing import content_digest, hash_cells, hex_digits

WORD = 2**64


def mix(number, count):
    """The two words of a pair, in Python's own integers."""
    word = (number * 0x9E3779B97F4A7C15 + count * 0xD1B54A32D192ED03) % WORD
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    low = word ^ (word >> 31)
    word = (low ^ (number << 32) % WORD) * 0xBF58476D1CE4E5B9 % WORD
    return low, word ^ (word >> 29)


def reference_rest(counts, numbers):
    pairs = enumerate(zip(numbers, counts, strict=True))
    return sum(mix(2**40 + column, int(c))[0] for column, (n, c) in pairs if not n and c) % WORD


def reference_hash(counts, numbers):
    pairs = [mix(int(n), int(c)) for n, c in zip(numbers, counts, strict=True) if int(n) and int(c)]
    return [sum(words) % WORD for words in zip(*pairs, strict=True)] or [0, 0]


@given(seed=st.integers(0, 10_000), permuted=st.booleans(), dtype=st.sampled_from(["f4", "f8"]))
def test_hash_is_the_sum_of_the_mixed_pairs_of_mapped_genes_in_any_order(seed, permuted, dtype):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.7, size=(6, 12)) * rng.integers(1, 2**20, size=(6, 12))
    numbers = np.where(rng.random(12) < 0.3, 0, rng.permutation(12) + 10**9).astype(np.uint64)
    order = rng.permutation(12) if permuted else np.arange(12)

    found = hash_cells(csr_matrix(dense[:, order].astype(dtype)), numbers[order])

    assert found.hashes.tolist() == [reference_hash(row, numbers) for row in dense]
    assert found.n_genes.tolist() == ((dense > 0) & (numbers > 0)).sum(axis=1).tolist()
    assert found.totals.tolist() == dense.sum(axis=1).tolist()
    assert found.rests.tolist() == [reference_rest(row[order], numbers[order]) for row in dense]


def test_the_hash_of_a_cell_is_the_sum_over_its_parts():
    numbers = np.array([5, 9, 11], dtype=np.uint64)
    parts = hash_cells(csr_matrix([[1.0, 2.0, 0.0], [0.0, 0.0, 7.0]]), numbers).hashes

    whole = hash_cells(csr_matrix([[1.0, 2.0, 7.0]]), numbers).hashes

    assert (parts[0] + parts[1]).tolist() == whole[0].tolist()


def test_one_count_more_and_a_count_at_another_gene_are_other_hashes():
    numbers = np.array([5, 9], dtype=np.uint64)

    hashes = hash_cells(csr_matrix([[1.0, 2.0], [1.0, 3.0], [2.0, 1.0], [1.0, 2.0]]), numbers)

    assert len({tuple(row) for row in hashes.hashes.tolist()}) == 3
    assert hashes.hashes[0].tolist() == hashes.hashes[3].tolist()


def test_a_million_like_cells_have_a_million_hashes():
    first, second = np.divmod(np.arange(1_000_000), 1000)
    counts = csr_matrix(np.stack([first + 1, second + 1], axis=1).astype(np.float32))

    hashes = hash_cells(counts, np.array([1, 2], dtype=np.uint64)).hashes

    assert len(np.unique(hashes[:, 0])) == len(np.unique(hashes[:, 1])) == 1_000_000


def test_totals_are_exact_where_float32_is_not():
    counts = csr_matrix(np.array([[16_777_216.0, 1.0], [0.0, 0.0]], dtype=np.float32))

    assert hash_cells(counts, np.zeros(2, dtype=np.uint64)).totals.tolist() == [16_777_217.0, 0.0]


def test_hex_digits_sort_as_the_numbers_do():
    hashes = np.array([[1, 2**63], [2**63, 0], [0, 5]], dtype=np.uint64)

    digits = hex_digits(hashes)

    assert digits.tolist() == [b"%016x%016x" % tuple(row) for row in hashes.tolist()]


def test_content_digest_is_over_the_digits_one_a_line_however_they_are_cut():
    hashes = np.array([[0, 1], [0, 1], [7, 0]], dtype=np.uint64)
    lines = "".join(f"{high:016x}{low:016x}\n" for high, low in hashes.tolist())

    expected = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"

    assert content_digest([hashes]) == expected
    assert content_digest([hashes[:1], hashes[:0], hashes[1:]]) == expected
