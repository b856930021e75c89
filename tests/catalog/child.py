"""A process of its own that uses a catalog; tests start it, and kill it."""

import sys
import time

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


if __name__ == "__main__":
    with Catalog.open(sys.argv[1]) as opened:
        if sys.argv[2] == "open":
            say(str(len(opened.atlases())))
        else:
            work(opened, output=sys.argv[3], hang=sys.argv[2] == "hang")
