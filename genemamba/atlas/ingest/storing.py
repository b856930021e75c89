"""Pass 2 of ingest: the store of a plan is written in parallel, verified, and committed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from genemamba.atlas.geometry import SHARD_NNZ, cut_values
from genemamba.atlas.ingest.feature_writing import write_features
from genemamba.atlas.ingest.planning import IngestPlan
from genemamba.atlas.ingest.shards import ShardTask, write_shard
from genemamba.atlas.ingest.verifying import check_shard, count_wrong_cells
from genemamba.atlas.ingest.writing import (
    allocate_store,
    clear_all_but_shards,
    commit_store,
)
from genemamba.atlas.parallel import run_tasks
from genemamba.errors import StoreError
from genemamba.provenance import Json
from genemamba.publishing import storage_errors
from genemamba.storage import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSummary:
    """What was written."""

    n_obs: int
    """Cells."""
    n_vars: int
    """Genes."""
    nnz: int
    """Counts above zero."""
    content_digest: str
    """Digest of the set of cells, whatever their order and names."""
    n_shards_found: int = field(default=0, compare=False)
    """Shards that an earlier attempt had written, and whose bytes were as noted then."""

    def to_json(self) -> dict[str, Json]:
        """Return what is the same however often the writing was cut off."""
        return {name: value for name, value in asdict(self).items() if name != "n_shards_found"}


def write_store(
    plan: IngestPlan,
    url: str,
    *,
    journal: Path | None = None,
    scheduler: str | None = None,
    shard_nnz: int = SHARD_NNZ,
    progress: Progress | None = None,
) -> StoreSummary:
    """Write the store of a plan, one parallel task a shard, verify it, and commit it.

    The same deposit and options give the same bytes, whoever writes the shards.

    Parameters
    ----------
    plan
        From `plan_ingest`.
    url
        Where to write, local or remote: nothing, or what an attempt with the same plan and
        journal left there.
    journal
        Folder in which the digest of every shard is noted, so that a later attempt writes those
        that are missing only; a scratch one by default.
    scheduler
        Address of a ``dask.distributed`` scheduler whose workers see the deposit, the scratch
        folder and the store under the same paths; threads of this process without one.
    shard_nnz
        Values a shard may hold.
    progress
        Called with tasks done and tasks in all.

    Raises
    ------
    StoreError
        What was written is not what pass 1 read.
    StorageError
        The store cannot be written, or its disk is full.
    """
    survey, memory = plan.survey, plan.memory
    grid = cut_values(nnz=survey.nnz, n_obs=survey.n_obs, shard_nnz=shard_nnz)
    journal = journal or survey.folder / "journal"
    writes = [
        ShardTask(
            url=url,
            folder=survey.folder,
            journal=journal,
            reader=plan.reader,
            grid=grid,
            number=number,
            dtype=str(survey.dtype),
            block_nnz=memory.block_nnz,
        )
        for number in range(len(grid.ranges()))
    ]
    n_tasks = 2 * len(writes)
    with storage_errors(url):
        journal.mkdir(parents=True, exist_ok=True)
        clear_all_but_shards(url, grid)
    shown = _part_of(progress, before=0, total=n_tasks)
    with storage_errors(url), ThreadPoolExecutor(1) as beside:
        allocation = beside.submit(allocate_store, url, plan.tables, survey, grid)
        written = run_tasks(
            write_shard, writes, scheduler=scheduler, n_threads=memory.n_threads, progress=shown
        )
        allocation.result()
    shown = _part_of(progress, before=len(writes), total=n_tasks)
    checks = run_tasks(
        check_shard, writes, scheduler=scheduler, n_threads=memory.n_threads, progress=shown
    )
    n_wrong = count_wrong_cells(checks, survey.columns())
    if n_wrong:
        msg = f"Expected {survey.n_obs} cells at {url} as read, found {n_wrong} that are not."
        raise StoreError(msg)
    write_features(
        url,
        plan.features.others,
        reader=plan.reader,
        survey=survey,
        block_nnz=memory.block_nnz,
    )
    commit_store(url)
    return StoreSummary(
        n_obs=survey.n_obs,
        n_vars=len(plan.tables.var),
        nnz=survey.nnz,
        content_digest=plan.cell_set.content_digest,
        n_shards_found=written.count(False),
    )


def _part_of(progress: Progress | None, *, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
