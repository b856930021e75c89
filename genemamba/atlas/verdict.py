"""What a deposit turned out to hold, as a report, or as a refusal of its genes."""

from typing import Final

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.cells import HarmonisedCells
from genemamba.atlas.genes import MAPPED
from genemamba.atlas.readers import CountsSource
from genemamba.atlas.survey import Survey
from genemamba.errors import GenesError
from genemamba.provenance import Json

MIN_MAPPED: Final = 0.5
"""Share of transcripts that must be of known genes; below it the names are something else."""


def share_mapped(var: pd.DataFrame, gene_totals: np.ndarray) -> float:
    """Return the share of transcripts, in [0, 1], whose gene has an Ensembl id.

    Spike-in controls are not counted at all.

    Parameters
    ----------
    var
        Genes of the store.
    gene_totals
        Transcripts of each, shape ``(n_vars,)``.
    """
    status = var[keys.GENE_STATUS]
    genes = gene_totals[(status != "ercc").to_numpy()].sum()
    return float(gene_totals[status.isin(MAPPED).to_numpy()].sum() / max(genes, 1.0))


def refuse_unknown_genes(var: pd.DataFrame, gene_totals: np.ndarray) -> None:
    """Refuse a deposit most of whose transcripts are of genes that nobody here knows.

    Raises
    ------
    GenesError
        Fewer than `MIN_MAPPED` of the transcripts are of mapped genes.
    """
    share = share_mapped(var, gene_totals)
    if share >= MIN_MAPPED:
        return
    mapped = var[keys.GENE_STATUS].isin(MAPPED).to_numpy()
    most_counted = np.argsort(np.where(mapped, -1.0, gene_totals))[::-1][:5]
    examples = ", ".join(repr(name) for name in var.index[most_counted])
    raise GenesError(
        expected=f"at least {MIN_MAPPED:.0%} of the UMIs in genes of the human reference",
        found=f"{share:.1%} of the UMIs and {np.mean(mapped):.1%} of the genes mapped; "
        f"among the unknown ones are {examples}",
        remedy='Put Ensembl ids or HGNC symbols into adata.var_names or adata.var["ensembl_id"].',
    )


def report_plan(
    source: CountsSource, cells: HarmonisedCells, var: pd.DataFrame, survey: Survey
) -> dict[str, Json]:
    """Describe an accepted deposit in values that JSON holds.

    Parameters
    ----------
    source
        The deposit.
    cells
        The cells that are kept.
    var
        Genes of the store.
    survey
        What pass 1 found.
    """
    labels = cells.obs[keys.CELL_TYPE]
    refused = source.n_obs - len(cells.obs)
    notes = [*cells.notes]
    if refused:
        notes.append(f"{refused} cells are left out: their counts cannot be recovered.")
    if survey.n_rounded:
        notes.append(f"{survey.n_rounded} counts were rounded: they were off by arithmetic noise.")
    return {
        "n_obs": len(cells.obs),
        "n_obs_source": source.n_obs,
        "cells_refused": refused,
        "n_vars": len(var),
        "n_vars_source": len(source.var),
        "nnz": int(survey.indptr[-1]),
        "genes": _tally(var[keys.GENE_STATUS]),
        "umis_mapped": round(share_mapped(var, survey.gene_totals), 6),
        "location": source.location,
        "scale": source.scale,
        "batch_key": cells.batch_key,
        "label_key": cells.label_key,
        "batches": _tally(cells.obs[keys.BATCH]),
        "cell_types": _tally(labels),
        "labelled": int((labels != keys.UNKNOWN).sum()),
        "notes": notes,
    }


def _tally(column: pd.Series) -> dict[str, Json]:
    counts = column.astype(str).value_counts()
    return {str(value): int(count) for value, count in sorted(counts.items())}
