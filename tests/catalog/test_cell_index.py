"""The index of cells against a dictionary of Python bytes, on both engines."""

import hashlib
from collections import defaultdict

import numpy as np
import pytest

from genemamba.catalog import cell_hashes, cell_lookup
from genemamba.errors import CatalogError


def hash_of(number):
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def hashes_of(numbers):
    """The hashes of some cells that are known by numbers, uint8 of shape (n, 16)."""
    content = b"".join(map(hash_of, numbers))
    return np.frombuffer(content, dtype=np.uint8).reshape(-1, 16)


@pytest.fixture
def digests(catalog, make_spec, make_artifact):
    """Digests of three recorded stores, sorted."""
    stores = [make_artifact(name) for name in ("one", "two", "three")]
    with catalog.record_run(make_spec()) as run:
        for store in stores:
            run.add_output(store.uri, store)
    return sorted(store.digest for store in stores)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks and groups so small that a few cells fill several of each."""
    monkeypatch.setattr(cell_hashes, "BLOCK_CELLS", 7)
    monkeypatch.setattr(cell_lookup, "GROUP_CELLS", 20)
    monkeypatch.setattr(cell_lookup, "GROUP_BLOCKS", 5)


def as_tuples(matches):
    return list(
        zip(matches.query.tolist(), matches.store.tolist(), matches.row.tolist(), strict=True)
    )


def expected_matches(stores, queries):
    """(query, store, lowest row) of every query in every store, from a dictionary."""
    rows = defaultdict(dict)
    for store, hashes in enumerate(stores):
        for row, value in enumerate(map(bytes, hashes)):
            rows[value].setdefault(store, row)
    return [
        (query, store, row)
        for query, value in enumerate(map(bytes, queries))
        for store, row in sorted(rows[value].items())
    ]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(3))
def test_cells_are_found_in_every_store_that_holds_them(catalog, digests, seed):
    rng = np.random.default_rng(seed)
    # Numbers from a small range: cells repeat within stores, between them and in the question.
    stores = [hashes_of(rng.integers(0, 120, size)) for size in (0, 60, 150)]
    queries = hashes_of(rng.integers(0, 200, 80))

    for digest, hashes in zip(digests, stores, strict=True):
        assert catalog.cells.index_cells(digest, "all", hashes) is True
    matches = catalog.cells.find_cells("all", queries)

    assert matches.stores == tuple(digests)
    assert as_tuples(matches) == expected_matches(stores, queries)
    assert len(matches.query) > 20


@pytest.mark.usefixtures("small_blocks")
def test_hashes_that_begin_alike_are_told_apart(catalog, digests):
    alike = hashes_of(range(40)).copy()
    alike[:, :8] = alike[0, :8]

    catalog.cells.index_cells(digests[0], "all", alike[:30][::-1])

    found = as_tuples(catalog.cells.find_cells("all", alike))
    assert found == [(query, 0, 29 - query) for query in range(30)]


def test_hashes_at_both_ends_of_the_range_are_found(catalog, digests):
    ends = np.zeros((3, 16), dtype=np.uint8)
    ends[1], ends[2, 8:] = 255, 255

    catalog.cells.index_cells(digests[0], "all", ends)

    found = catalog.cells.find_cells("all", ends[[1, 0, 2]])
    assert as_tuples(found) == [(0, 0, 1), (1, 0, 0), (2, 0, 2)]


def test_only_the_stores_asked_for_are_searched(catalog, digests):
    for digest in digests:
        catalog.cells.index_cells(digest, "all", hashes_of(range(5)))

    found = catalog.cells.find_cells("all", hashes_of([3]), stores=digests[1:])

    assert found.stores == tuple(digests[1:])
    assert as_tuples(found) == [(0, 0, 3), (0, 1, 3)]


def test_panels_are_apart(catalog, digests):
    panel = f"sha256:{'5' * 64}"
    catalog.cells.index_cells(digests[0], "all", hashes_of([1, 2]))
    catalog.cells.index_cells(digests[0], panel, hashes_of([3, 4]))
    catalog.cells.index_cells(digests[1], panel, hashes_of([3]))

    assert [catalog.cells.indexed_panels(digest) for digest in digests] == [
        {"all", panel},
        {panel},
        set(),
    ]
    assert as_tuples(catalog.cells.find_cells("all", hashes_of([1, 3]))) == [(0, 0, 0)]
    assert as_tuples(catalog.cells.find_cells(panel, hashes_of([1, 3]))) == [(1, 0, 0), (1, 1, 0)]


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda hashes: hashes, id="uint8"),
        pytest.param(lambda hashes: hashes.view("S16")[:, 0], id="S16"),
        pytest.param(lambda hashes: hashes.view("V16")[:, 0], id="V16"),
        pytest.param(lambda hashes: np.array([bytes(h).hex() for h in hashes], "S32"), id="hex"),
        pytest.param(lambda hashes: np.repeat(hashes, 2, axis=0)[::2], id="strided"),
    ],
)
def test_hashes_may_be_encoded_in_several_ways(catalog, digests, encode):
    hashes = hashes_of(range(9)).copy()
    hashes[4, 12:] = 0

    catalog.cells.index_cells(digests[0], "all", encode(hashes))

    found = catalog.cells.find_cells("all", encode(hashes[2:]))
    assert as_tuples(found) == [(query, 0, query + 2) for query in range(7)]
    assert as_tuples(catalog.cells.find_cells("all", hashes)) == [(row, 0, row) for row in range(9)]


@pytest.mark.parametrize(
    "hashes",
    [
        pytest.param(np.zeros((3, 8), np.uint8), id="too short"),
        pytest.param(np.zeros(16, np.uint8), id="one dimension"),
        pytest.param(np.zeros((3, 16), np.int64), id="wide integers"),
        pytest.param(np.zeros((3, 2), "S16"), id="two dimensions of bytes"),
        pytest.param(np.zeros(3, "S20"), id="SHA-1"),
    ],
)
def test_what_is_no_hash_is_refused(catalog, digests, hashes):
    with pytest.raises(ValueError, match="Expected hashes of 16 bytes"):
        catalog.cells.index_cells(digests[0], "all", hashes)


def test_an_empty_index_or_question_has_no_matches(catalog, digests):
    none = hashes_of([])

    assert as_tuples(catalog.cells.find_cells("all", hashes_of([1]))) == []
    assert catalog.cells.index_cells(digests[0], "all", none) is True
    assert as_tuples(catalog.cells.find_cells("all", none)) == []
    assert catalog.cells.indexed_panels(digests[0]) == {"all"}


def test_a_store_is_indexed_once(catalog, digests, count):
    first = catalog.cells.index_cells(digests[0], "all", hashes_of(range(5)))
    again = catalog.cells.index_cells(digests[0], "all", hashes_of(range(5)))

    assert (first, again) == (True, False)
    assert count("cell_index", "cell_block") == [1, 1]


def test_another_number_of_cells_of_an_indexed_store_is_a_contradiction(catalog, digests):
    catalog.cells.index_cells(digests[0], "all", hashes_of(range(5)))

    with pytest.raises(CatalogError, match=r"Expected 5 cells of sha256:.* found 6\. Hash the"):
        catalog.cells.index_cells(digests[0], "all", hashes_of(range(6)))


def test_a_store_that_no_run_made_is_not_indexed(catalog, count):
    with pytest.raises(CatalogError, match="Expected the digest of a recorded store, found 'x'"):
        catalog.cells.index_cells("x", "all", hashes_of(range(5)))
    assert count("cell_index", "cell_block") == [0, 0]


def test_nothing_is_said_of_a_store_that_is_not_indexed(catalog, digests):
    catalog.cells.index_cells(digests[0], "all", hashes_of(range(5)))

    with pytest.raises(CatalogError, match=f"2 stores .* 1 that are not: {digests[1]}. Index them"):
        catalog.cells.find_cells("all", hashes_of([1]), stores=digests[:2])


def test_of_processes_that_index_a_store_at_once_one_does(catalog, digests, start, count):
    children = [start("index", digests[0], "0") for _ in range(3)]
    for child in children:
        assert child.stdout.readline() == "ready\n"

    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    ended = sorted(child.communicate(timeout=120)[0] for child in children)

    assert ended == ["False\n", "False\n", "True\n"]
    assert count("cell_index", "cell_block") == [1, 4]
    assert as_tuples(catalog.cells.find_cells("all", hashes_of([99_999]))) == [(0, 0, 99_999)]


def test_a_process_that_is_killed_while_it_indexes_leaves_nothing(catalog, digests, start, count):
    child = start("index", digests[0], "2")
    assert child.stdout.readline() == "ready\n"
    child.stdin.write("\n")
    child.stdin.flush()
    assert child.stdout.readline() == "wrote 2 blocks\n"

    child.kill()
    child.wait(timeout=60)

    assert catalog.cells.indexed_panels(digests[0]) == set()
    assert count("cell_index", "cell_block") == [0, 0]
    assert catalog.cells.index_cells(digests[0], "all", hashes_of(range(100_000))) is True
    assert count("cell_index", "cell_block") == [1, 4]


def test_the_memory_of_a_search_does_not_grow_with_the_index(catalog, digests, monkeypatch):
    """Groups hold no more cells than they may, whatever the sizes of the blocks."""
    monkeypatch.setattr(cell_hashes, "BLOCK_CELLS", 7)
    monkeypatch.setattr(cell_lookup, "GROUP_CELLS", 21)
    sizes = []
    search = cell_lookup._search

    def recorded(session, blocks, wanted):
        sizes.append(sum(block.n_cells for block in blocks))
        return search(session, blocks, wanted)

    monkeypatch.setattr(cell_lookup, "_search", recorded)
    for digest, n in zip(digests, (3, 200, 50), strict=True):
        catalog.cells.index_cells(digest, "all", hashes_of(range(n)))

    catalog.cells.find_cells("all", hashes_of(range(200)))

    assert sum(sizes) == 253
    assert max(sizes) <= 21 + 7
