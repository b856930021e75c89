"""Ingest: pass 1 makes a plan or refuses the deposit, pass 2 writes the store of the plan."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pandas as pd

import genemamba
from genemamba import keys
from genemamba.atlas.cells import IngestOptions, check_obs, harmonise_cells
from genemamba.atlas.counts import CountsReader
from genemamba.atlas.genes import GeneReference, load_reference, map_genes
from genemamba.atlas.geometry import SHARD_NNZ, cut_values
from genemamba.atlas.hashing import content_digest
from genemamba.atlas.layout import lay_out_genes
from genemamba.atlas.parallel import run_tasks
from genemamba.atlas.readers import open_source
from genemamba.atlas.shards import ShardTask, VerifyTask, count_wrong_cells, write_shard
from genemamba.atlas.sparse import BLOCK_NNZ, row_blocks
from genemamba.atlas.species import refuse_other_species
from genemamba.atlas.survey import Survey, survey_counts
from genemamba.atlas.verdict import refuse_unknown_genes, report_plan
from genemamba.atlas.writing import StoreTables, allocate_store, commit_store
from genemamba.errors import StoreError
from genemamba.provenance import Json, canonical_json
from genemamba.storage import Progress

__all__ = ["IngestOptions", "IngestPlan", "StoreSummary", "plan_ingest", "write_store"]

SCHEMA_VERSION: Final = 1
"""Rises when the meaning of a column or array of a store changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestPlan:
    """A deposit that was read and accepted, and all that its store needs but the values."""

    tables: StoreTables
    """Cells, genes and provenance of the store."""
    survey: Survey
    """What pass 1 found."""
    folder: Path
    """Scratch files that the writing tasks read; keep it until the store is written."""
    reader: CountsReader
    """Reads the deposit's counts again."""
    report: dict[str, Json]
    """What was found, for the user and the record."""


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


def plan_ingest(
    path: Path,
    *,
    name: str,
    sha256: str,
    options: IngestOptions,
    scratch: Path,
    progress: Progress | None = None,
) -> IngestPlan:
    """Check a deposit, every value of it, and plan its store; nothing is written but scratch.

    Parameters
    ----------
    path
        Local file or folder, as for `open_source`.
    name
        Name of the deposit; also the name of its batch, where it has no other.
    sha256
        64 hex digits over the deposit's bytes.
    options
        What the user says about it.
    scratch
        Folder for working files; keep it until the store is written.
    progress
        Called with cells read and cells in all.

    Raises
    ------
    SourceError
        The file is missing, damaged or of an unknown format.
    SchemaError
        A column that the options name is missing, or two cells have one name.
    CountsError
        There are no counts, or some are impossible.
    GenesError
        The genes are not human, or most transcripts are of unknown ones.
    """
    reference = load_reference()
    source = open_source(path, scratch=scratch)
    check_obs(source.obs, options)
    names = source.var.index.tolist()
    refuse_other_species(names, reference=reference, hints=source.var)
    layout = lay_out_genes(map_genes(names, reference=reference, hints=source.var))
    survey = survey_counts(source, layout, progress=progress)
    refuse_unknown_genes(layout.var, survey.gene_totals)
    kept = source.obs.iloc[survey.rows]
    cells = harmonise_cells(kept, name=name, sha256=sha256, options=options)
    hashes = pd.Series(survey.hashes.astype(str).astype(object), index=cells.obs.index)
    return IngestPlan(
        tables=StoreTables(
            obs=cells.obs.assign(**{keys.CONTENT_HASH: hashes}),
            var=layout.var,
            provenance=_provenance(name, sha256, options, reference),
        ),
        survey=survey,
        folder=survey.save(scratch / "survey", layout),
        reader=source.reader,
        report=report_plan(source, cells, layout.var, survey),
    )


def write_store(
    plan: IngestPlan,
    url: str,
    *,
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
        Empty place, local or remote.
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
    """
    n_obs, n_vars = len(plan.tables.obs), len(plan.tables.var)
    grid = cut_values(nnz=int(plan.survey.indptr[-1]), n_obs=n_obs, shard_nnz=shard_nnz)
    writes = [
        ShardTask(url=url, folder=plan.folder, reader=plan.reader, n_vars=n_vars, span=span)
        for span in grid.ranges()
    ]
    checks = [
        VerifyTask(url=url, folder=plan.folder, rows=rows)
        for rows in row_blocks(plan.survey.indptr, max_nnz=BLOCK_NNZ)
    ]
    n_tasks = len(writes) + len(checks)
    allocate_store(url, plan.tables, plan.survey, grid)
    shown = _part_of(progress, before=0, total=n_tasks)
    run_tasks(write_shard, writes, scheduler=scheduler, progress=shown)
    shown = _part_of(progress, before=len(writes), total=n_tasks)
    wrong = sum(run_tasks(count_wrong_cells, checks, scheduler=scheduler, progress=shown))
    if wrong:
        msg = f"Expected {n_obs} cells at {url} to be as read, found {wrong} that are not."
        raise StoreError(msg)
    commit_store(url)
    return StoreSummary(
        n_obs=n_obs,
        n_vars=n_vars,
        nnz=grid.size,
        content_digest=content_digest(plan.survey.hashes.tolist()),
    )


def _part_of(progress: Progress | None, *, before: int, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


def _provenance(
    name: str, sha256: str, options: IngestOptions, reference: GeneReference
) -> dict[str, str | int]:
    return {
        "schema_version": SCHEMA_VERSION,
        "deposit": name,
        "deposit_sha256": sha256,
        "options": canonical_json(asdict(options)),
        "gene_reference": reference.digest,
        "code": f"genemamba-atlas {genemamba.__version__}",
    }
