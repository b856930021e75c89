import pytest

from genemamba.atlas.ingest.memory import (
    BASE_BYTES,
    BYTES_PER_VALUE,
    DEFAULT_MEMORY,
    SHARD_BYTES,
    parse_memory,
    plan_memory,
    settle_doublets,
)
from genemamba.errors import InputError


@pytest.mark.parametrize("limit", [1 << 30, DEFAULT_MEMORY, 8 << 30, 64 << 30])
@pytest.mark.parametrize("n_cores", [1, 2, 8, 64])
def test_threads_and_their_blocks_keep_to_the_bound(limit, n_cores):
    plan = plan_memory(limit, n_cores=n_cores)

    each = plan.block_nnz * BYTES_PER_VALUE + SHARD_BYTES
    assert BASE_BYTES + plan.n_threads * each <= limit
    assert 1 <= plan.n_threads <= min(n_cores, 8)


def test_more_memory_feeds_more_threads():
    threads = [plan_memory(gib << 30, n_cores=8).n_threads for gib in (1, 2, 4, 16)]

    assert threads == sorted(threads)
    assert threads[0] < threads[-1] == 8


def test_too_little_memory_is_refused_with_what_is_needed():
    with pytest.raises(InputError, match=r"at least \d+ MiB of memory, found a bound of 300 MiB"):
        plan_memory(300 << 20)


@pytest.mark.parametrize(
    ("choice", "limit", "expected"),
    [
        ("auto", DEFAULT_MEMORY, "auto"),
        ("auto", 1 << 30, "no"),
        ("yes", DEFAULT_MEMORY, "yes"),
        ("no", 1 << 30, "no"),
    ],
)
def test_doublets_are_scored_where_memory_allows(choice, limit, expected):
    assert settle_doublets(choice, limit) == expected


def test_doublets_that_are_asked_for_are_not_dropped_in_silence():
    with pytest.raises(
        InputError, match=r"at least 1728 MiB .* doublets, found a bound of 1024 MiB"
    ):
        settle_doublets("yes", 1 << 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GiB", 2 << 30), ("1.5g", 3 << 29), ("700 MB", 700 << 20), ("4096", 4096), ("1k", 1024)],
)
def test_sizes_are_read_in_powers_of_1024(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "two", "2 GiBs", "-1G", "1e9"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match="a size such as 2GiB"):
        parse_memory(text)
