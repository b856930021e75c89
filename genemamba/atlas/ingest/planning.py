"""Pass 1 of ingest: a deposit is read and checked, and its store planned, or it is refused."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pandas as pd

import genemamba
from genemamba.atlas.cells.schema import (
    CELLS_AT_ONCE,
    CellSchema,
    CellSurvey,
    check_columns,
    refuse_repeated_names,
)
from genemamba.atlas.genes.check import MappedGenes, map_features, refuse_unknown_genes
from genemamba.atlas.genes.feature_types import FeatureSplit
from genemamba.atlas.genes.layout import lay_out_genes
from genemamba.atlas.genes.reference import GeneReference
from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.ingest.cell_quality import judge_cells
from genemamba.atlas.ingest.memory import MemoryPlan, plan_memory
from genemamba.atlas.ingest.remarks import Found
from genemamba.atlas.ingest.same_cells import CellSet, describe_cells
from genemamba.atlas.ingest.survey import Survey, survey_counts
from genemamba.atlas.ingest.verdict import report_plan
from genemamba.atlas.ingest.writing import (
    StoreTables,
    read_kept,
)
from genemamba.atlas.options import IngestOptions
from genemamba.atlas.sources.cell_elements import iterate_blocks
from genemamba.atlas.sources.counts import CountsReader
from genemamba.atlas.sources.readers import CountsSource, open_source
from genemamba.atlas.sources.terms import read_terms
from genemamba.atlas.standards.checks import find_contradictions
from genemamba.provenance import Json, canonical_json
from genemamba.storage import Progress

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
    terms: dict[str, Json] = {**read_terms(path)}
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
        report=report_plan(found) | ({"terms": terms} if terms else {}),
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
