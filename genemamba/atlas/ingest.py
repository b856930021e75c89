"""Ingest: pass 1 makes a plan or refuses the deposit, pass 2 writes the store of the plan."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

import genemamba
from genemamba.atlas.cell_elements import iterate_blocks
from genemamba.atlas.cell_quality import judge_cells
from genemamba.atlas.cells import (
    CELLS_AT_ONCE,
    CellSchema,
    CellSurvey,
    check_columns,
    refuse_repeated_names,
)
from genemamba.atlas.counts import CountsReader
from genemamba.atlas.feature_types import FeatureSplit
from genemamba.atlas.feature_writing import write_features
from genemamba.atlas.gene_check import MappedGenes, map_features, refuse_unknown_genes
from genemamba.atlas.gene_reference import GeneReference
from genemamba.atlas.gene_tables import load_reference
from genemamba.atlas.geometry import SHARD_NNZ, cut_values
from genemamba.atlas.layout import lay_out_genes
from genemamba.atlas.memory import MemoryPlan, plan_memory
from genemamba.atlas.options import IngestOptions
from genemamba.atlas.parallel import run_tasks
from genemamba.atlas.readers import CountsSource, open_source
from genemamba.atlas.remarks import Found
from genemamba.atlas.same_cells import CellSet, describe_cells
from genemamba.atlas.shards import ShardTask, write_shard
from genemamba.atlas.standards import find_contradictions
from genemamba.atlas.survey import Survey, survey_counts
from genemamba.atlas.verdict import report_plan
from genemamba.atlas.verifying import check_shard, count_wrong_cells
from genemamba.atlas.writing import (
    StoreTables,
    allocate_store,
    clear_all_but_shards,
    commit_store,
    read_kept,
)
from genemamba.errors import StoreError
from genemamba.provenance import Json, canonical_json
from genemamba.publishing import storage_errors
from genemamba.storage import Progress

__all__ = ["IngestOptions", "IngestPlan", "StoreSummary", "plan_ingest", "write_store"]

SCHEMA_VERSION: Final = 2
"""Rises when the meaning of a column or array of a store changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestPlan:
    """A deposit that was read and accepted, and all that its store needs but the values."""

    tables: StoreTables
    """Cells, genes and provenance of the store."""
    survey: Survey
    """What pass 1 found; its scratch files must stay until the store is written."""
    reader: CountsReader
    """Reads the deposit's counts again."""
    features: FeatureSplit
    """Which of the deposit's features are genes."""
    cell_set: CellSet
    """What the store's cells are together."""
    memory: MemoryPlan
    """Sizes of blocks, and how many threads."""
    report: Mapping[str, Json]
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
    n_shards_found: int = field(default=0, compare=False)
    """Shards that an earlier attempt had written, and whose bytes were as noted then."""

    def to_json(self) -> dict[str, Json]:
        """Return what is the same however often the writing was cut off."""
        return {name: value for name, value in asdict(self).items() if name != "n_shards_found"}


def plan_ingest(
    path: Path,
    *,
    name: str,
    sha256: str,
    options: IngestOptions,
    scratch: Path,
    reference: GeneReference | None = None,
    memory: MemoryPlan | None = None,
    scheduler: str | None = None,
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
    reference
        The genes that are known; those of the package by default.
    memory
        Sizes that keep to a bound; those of `DEFAULT_MEMORY` by default.
    scheduler
        Address of a ``dask.distributed`` scheduler, as for `write_store`.
    progress
        Called with parts read and parts in all.

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
    StorageError
        The scratch folder cannot be written.
    """
    memory = memory or plan_memory()
    reference = reference or load_reference()
    mapped: list[tuple[pd.DataFrame, MappedGenes]] = []
    source = open_source(
        path,
        scratch=scratch,
        layer=options.layer,
        check_genes=lambda var: mapped.append(
            (var, map_features(var, reference, genome=options.genome))
        ),
        check_cells=lambda cells: check_columns(cells.columns, options),
    )
    refuse_repeated_names(source.cells, folder=scratch / "names")
    contradictions = find_contradictions(path, scratch=scratch)
    features, genes = next(found for var, found in mapped if var is source.var)
    layout = lay_out_genes(genes)
    survey = survey_counts(
        source,
        layout.map.spread(features.genes, n_features=len(source.var)),
        folder=scratch / "survey",
        memory=memory,
        scheduler=scheduler,
        progress=progress,
    )
    refuse_unknown_genes(layout.var, survey.gene_totals)
    schema, batches = _survey_cells(source, survey, name=name, sha256=sha256, options=options)
    quality = judge_cells(survey, source.reader, batches=batches, doublets=options.doublets)
    cell_set = describe_cells(survey, folder=scratch / "hashes")
    found = Found(
        source=source,
        features=features,
        schema=schema,
        var=layout.var,
        survey=survey,
        quality=quality,
        cell_set=cell_set,
        contradictions=contradictions,
    )
    return IngestPlan(
        tables=StoreTables(
            cells=source.cells,
            schema=schema,
            var=layout.var,
            quality=quality,
            provenance=_provenance(name, sha256, options, reference),
        ),
        survey=survey,
        reader=source.reader,
        features=features,
        cell_set=cell_set,
        memory=memory,
        report=report_plan(found),
    )


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


def _survey_cells(
    source: CountsSource, survey: Survey, *, name: str, sha256: str, options: IngestOptions
) -> tuple[CellSchema, list[str]]:
    """Settle how the cells are stored; return the names of their batches by code, too."""
    columns = source.cells.columns
    cells = CellSurvey(name=name, sha256=sha256, options=options, columns=columns)
    rows, codes = survey.columns()["row"], survey.batches()
    for start, stop in iterate_blocks(survey.n_obs, size=CELLS_AT_ONCE):
        codes.write(start, cells.observe(read_kept(source.cells, rows, start, stop)))
    return cells.finish(), cells.batches


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
