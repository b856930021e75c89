"""A process that may use so much address space and no more; tests start it and see how it ends."""

import json
import resource
import sys
from pathlib import Path

import anndata as ad

from genemamba.atlas.ingest import survey
from genemamba.atlas.ingest.memory import plan_memory
from genemamba.atlas.ingest.planning import plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import IngestOptions

SHARD_NNZ = 1024 * 1024
"""Small enough that the smaller deposit has several shards, too."""

N_SPANS = 2
"""So few that blocks are what keeps a span small, as where there are many more cells."""


def peak_rss() -> int:
    """Return the most bytes this process held; ru_maxrss would count its parent's, too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise AssertionError


def ingest(deposit: Path, folder: Path, *, limit: int) -> int:
    """Ingest a deposit, and return the counts of its store."""
    survey.N_SPANS = N_SPANS
    plan = plan_ingest(
        deposit,
        name=deposit.stem,
        sha256="0" * 64,
        options=IngestOptions(doublets="no"),
        scratch=folder / f"scratch-{deposit.stem}",
        memory=plan_memory(limit, n_cores=2),
    )
    url = str(folder / f"{deposit.stem}.zarr")
    return write_store(plan, url, shard_nnz=SHARD_NNZ).nnz


if __name__ == "__main__":
    what, path, place, bytes_allowed = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (int(bytes_allowed), int(bytes_allowed)))
    if what == "ingest":
        done = ingest(Path(path), Path(place), limit=int(bytes_allowed))
    else:
        done = ad.read_h5ad(path).X.nnz
    sys.stdout.write(json.dumps({"nnz": done, "peak": peak_rss()}))
