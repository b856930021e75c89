import hashlib
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from genemamba.atlas.hashing import cell_totals, content_digest, hash_cells


def reference_hash(counts, numbers):
    pairs = sorted((int(n), int(c)) for n, c in zip(numbers, counts, strict=True) if n and c)
    content = b"".join(struct.pack("<QQ", *pair) for pair in pairs)
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()


@given(seed=st.integers(0, 10_000), permuted=st.booleans())
def test_hash_is_blake2b_over_the_sorted_pairs_of_mapped_genes(seed, permuted):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.7, size=(6, 12))
    numbers = np.where(rng.random(12) < 0.3, 0, rng.permutation(12) + 1).astype(np.uint64)
    expected = [reference_hash(row, numbers) for row in dense]
    order = rng.permutation(12) if permuted else np.arange(12)

    hashes = hash_cells(csr_matrix(dense[:, order].astype(np.float32)), numbers[order])

    assert hashes.tolist() == expected


def test_one_count_more_is_another_hash():
    numbers = np.array([5, 9], dtype=np.uint64)

    hashes = hash_cells(csr_matrix([[1.0, 2.0], [1.0, 3.0], [2.0, 1.0], [1.0, 2.0]]), numbers)

    assert len(set(hashes.tolist())) == 3
    assert hashes[0] == hashes[3]


def test_hashing_leaves_the_counts_as_they_were():
    counts = csr_matrix([[1.0, 2.0, 3.0]])

    hash_cells(counts, np.array([9, 0, 4], dtype=np.uint64))

    assert counts.toarray().tolist() == [[1.0, 2.0, 3.0]]
    assert counts.indices.tolist() == [0, 1, 2]


def test_content_digest_ignores_the_order_and_counts_repeats():
    assert content_digest([b"aa", b"bb"]) == content_digest([b"bb", b"aa"])
    assert content_digest([b"aa", b"aa"]) != content_digest([b"aa"])
    assert content_digest([b"aa"]) == f"sha256:{hashlib.sha256(b'aa' + bytes([10])).hexdigest()}"


def test_cell_totals_are_exact_where_float32_is_not():
    counts = csr_matrix(np.array([[16_777_216.0, 1.0], [0.0, 0.0]], dtype=np.float32))

    assert cell_totals(counts).tolist() == [16_777_217.0, 0.0]
