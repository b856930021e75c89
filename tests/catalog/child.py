"""A process of its own that uses a catalog; tests start it, and kill it."""

import hashlib
import sys
import time

import numpy as np
import sqlalchemy as sa

from genemamba.catalog.catalog import Catalog
from genemamba.catalog.values import ArtifactInfo, RunSpec
from genemamba.provenance import CodeVersion

CODE = CodeVersion(
    entrypoint="child", package_version="0", git_commit=None, git_dirty=False, source_digest="0"
)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def work(catalog: Catalog, *, output: str, hang: bool) -> None:
    spec = RunSpec(stage="ingest", work_key="the same work", code=CODE, environment={})
    with catalog.record_run(spec) as run:
        digest = f"sha256:{output * 64}"
        store = ArtifactInfo(digest=digest, kind="store", uri=f"/{output}", size_bytes=1)
        run.add_output("store", store)
        version = run.add_dataset_version("atlas", "lung", store)
        say(f"ready {run.id}")
        sys.stdin.readline()
        if hang:
            time.sleep(600)
    say(f"{run.record.id} {version.ref}")


def index(catalog: Catalog, digest: str, *, hang_after: int) -> None:
    """Index 100,000 cells, four blocks; hang where so many blocks were sent to the database."""
    content = b"".join(
        hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(100_000)
    )
    hashes = np.frombuffer(content, dtype=np.uint8).reshape(-1, 16)
    sent = 0

    def after(connection, cursor, statement, *rest: object) -> None:
        nonlocal sent
        sent += "INSERT INTO cell_block" in statement
        if hang_after and sent == hang_after:
            say(f"wrote {sent} blocks")
            time.sleep(600)

    sa.event.listen(sa.Engine, "after_cursor_execute", after)
    say("ready")
    sys.stdin.readline()
    say(str(catalog.cells.index_cells(digest, "all", hashes)))


if __name__ == "__main__":
    with Catalog.open(sys.argv[1]) as opened:
        if sys.argv[2] == "open":
            say(str(len(opened.atlases())))
        elif sys.argv[2] == "index":
            index(opened, sys.argv[3], hang_after=int(sys.argv[4]))
        else:
            work(opened, output=sys.argv[3], hang=sys.argv[2] == "hang")
