"""Refusals of genes: by their names before any value is read, and by their UMIs afterwards."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.atlas.genes.feature_types import FeatureSplit, split_features
from genemamba.atlas.genes.mapping import map_genes
from genemamba.atlas.genes.reference import MAPPED, NOT_HUMAN, GeneReference
from genemamba.atlas.genes.species import refuse_other_species
from genemamba.errors import GenesError
from genemamba.findings import MAX_EXAMPLES

MIN_SHARE: Final = 0.02
"""Share of genes with a known name below which no counts can help: the floor on UMIs is much
higher, but a few genes may have nearly all of them."""

MIN_MAPPED: Final = 0.5
"""Share of transcripts that must be of known genes; below it the names are something else."""


class MappedGenes(NamedTuple):
    """The genes of a deposit, found and mapped."""

    features: FeatureSplit
    """Which of the features are genes."""
    genes: pd.DataFrame
    """From `genemamba.atlas.genes.mapping.map_genes`."""


def map_features(var: pd.DataFrame, reference: GeneReference, *, genome: str | None) -> MappedGenes:
    """Map the genes among some features, or refuse them where no counts can help.

    Parameters
    ----------
    var
        Features of the deposit.
    reference
        The genes that are known.
    genome
        The one genome to look at; all by default.

    Raises
    ------
    GenesError
        They are of another species or of several, or hardly any of them is known.
    """
    features = split_features(var, genome=genome)
    genes = var.iloc[features.genes]
    names = genes.index.tolist()
    refuse_other_species(names, reference=reference, hints=genes)
    mapped = map_genes(names, reference=reference, hints=genes)
    known = (mapped[keys.GENE_STATUS] != "unknown").to_numpy()
    if np.mean(known) < MIN_SHARE:
        examples = [str(name) for name in genes.index[~known][:MAX_EXAMPLES]]
        raise GenesError(
            expected="names of human genes: Ensembl ids or HGNC symbols",
            found=f"{int(known.sum())} of {len(known)} that are known; among the unknown ones are "
            f"{', '.join(map(repr, examples))}",
            remedy="Put Ensembl ids or HGNC symbols into adata.var_names or "
            'adata.var["ensembl_id"].',
            rule="genes-unknown",
            count=int((~known).sum()),
            examples=examples,
        )
    return MappedGenes(features, mapped)


def share_mapped(var: pd.DataFrame, gene_totals: np.ndarray) -> float:
    """Return the share of transcripts, in [0, 1], whose gene has an Ensembl id.

    Spike-in controls and genes of a virus are not counted at all.

    Parameters
    ----------
    var
        Genes of the store.
    gene_totals
        Transcripts of each, shape ``(n_vars,)``.
    """
    status = var[keys.GENE_STATUS]
    genes = gene_totals[(~status.isin(NOT_HUMAN)).to_numpy()].sum()
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
        rule="genes-unmapped",
        count=int((~mapped).sum()),
        examples=[str(name) for name in var.index[most_counted]],
    )
