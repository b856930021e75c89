"""What is worth saying about an accepted deposit, as findings."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

from genemamba import keys
from genemamba.atlas.cells.schema import CellSchema
from genemamba.atlas.genes.feature_types import FeatureSplit
from genemamba.atlas.genes.layout import merged_genes
from genemamba.atlas.genes.loss import count_by_status
from genemamba.atlas.ingest.cell_quality import AUTO_N_OBS, CellQuality
from genemamba.atlas.ingest.same_cells import CellSet
from genemamba.atlas.ingest.survey import Survey
from genemamba.atlas.sources.readers import CountsSource
from genemamba.findings import MAX_EXAMPLES, Finding

LOST: Final = {
    "ambiguous": "names that several genes share",
    "retired": "Ensembl ids that the reference no longer has",
    "unknown": "names that the reference does not know",
}
"""Statuses of genes without an Ensembl id, and what they are."""

WARN_SHARE: Final = 0.05
"""Share of UMIs in genes of one such status above which a note becomes a warning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """All that pass 1 found out about a deposit."""

    source: CountsSource
    """The deposit."""
    features: FeatureSplit
    """Which of its features are genes."""
    schema: CellSchema
    """How its cells are labelled and stored."""
    var: pd.DataFrame
    """Genes of the store."""
    survey: Survey
    """Its counts."""
    quality: CellQuality
    """How well its cells were measured."""
    cell_set: CellSet
    """What the cells are together."""
    contradictions: tuple[Finding, ...] = ()
    """Where its matrices contradict each other."""


def list_findings(found: Found) -> list[Finding]:
    """Return what was found out about an accepted deposit, warnings first.

    Parameters
    ----------
    found
        What pass 1 found out.
    """
    findings = [
        *found.contradictions,
        *_about_counts(found.survey),
        *_about_genes(found),
        *_about_features(found.features),
        *_about_cells(found),
        *_about_quality(found.quality),
    ]
    return sorted(findings, key=lambda finding: finding.severity == "note")


def _about_counts(survey: Survey) -> list[Finding]:
    findings = []
    if survey.n_refused:
        findings.append(
            Finding(
                rule="cells-unrecoverable",
                severity="warning",
                message=f"{survey.n_refused} cells are left out: their counts cannot be recovered.",
                count=survey.n_refused,
                remedy="Deposit the raw counts, if you have them.",
            )
        )
    if survey.n_rounded:
        findings.append(
            Finding(
                rule="counts-rounded",
                severity="note",
                message=f"{survey.n_rounded} counts were rounded: they were off by arithmetic"
                " noise.",
                count=survey.n_rounded,
            )
        )
    return findings


def _about_genes(found: Found) -> list[Finding]:
    var = found.var
    losses = count_by_status(var, found.survey.gene_totals)
    findings = []
    for status, what in LOST.items():
        if status not in losses:
            continue
        loss = losses[status]
        names = var.index[(var[keys.GENE_STATUS] == status).to_numpy()]
        findings.append(
            Finding(
                rule=f"genes-{status}",
                severity="warning" if loss["share"] > WARN_SHARE else "note",
                message=f"{loss['genes']} genes with {loss['share']:.1%} of the UMIs have {what}:"
                " they are kept under their own names.",
                count=loss["genes"],
                examples=tuple(str(name) for name in names[:MAX_EXAMPLES]),
                remedy="Name an HGNC file with --hgnc, or put Ensembl ids into the deposit.",
            )
        )
    merged = merged_genes(var)
    if merged:
        findings.append(
            Finding(
                rule="genes-merged",
                severity="note",
                message=f"{len(merged)} genes had several names each: their counts were added up.",
                count=len(merged),
                examples=tuple(
                    f"{gene}: {', '.join(names)}" for gene, names in list(merged.items())[:3]
                ),
            )
        )
    by_date = var[(var[keys.GENE_MATCHED_BY] == "date").to_numpy()]
    if len(by_date):
        n_open = int((by_date[keys.GENE_STATUS] == "ambiguous").sum())
        several = f"; {n_open} may each be one of several genes" if n_open else ""
        findings.append(
            Finding(
                rule="genes-dates",
                severity="note",
                message=f"{len(by_date)} symbols were turned into dates by a spreadsheet, and"
                f" {len(by_date) - n_open} are recognised{several}.",
                count=len(by_date),
                examples=tuple(by_date[keys.SOURCE_NAME].astype(str)[:MAX_EXAMPLES]),
            )
        )
    return findings


def _about_features(features: FeatureSplit) -> list[Finding]:
    findings = [
        Finding(
            rule="features-apart",
            severity="note",
            message=f"{len(features.columns)} features that are no genes are kept in"
            f' obsm["{features.key}"].',
            count=len(features.columns),
            examples=features.names[:MAX_EXAMPLES],
        )
        for features in features.others
    ]
    if features.n_other_genomes:
        findings.append(
            Finding(
                rule="features-other-genomes",
                severity="warning",
                message=f"{features.n_other_genomes} genes of other genomes are left out, as asked.",
                count=features.n_other_genomes,
            )
        )
    return findings


def _about_cells(found: Found) -> list[Finding]:
    findings = [
        Finding(rule="cells-columns", severity="note", message=note) for note in found.schema.notes
    ]
    repeats = found.cell_set
    if repeats.n_repeats:
        rows, table = found.survey.columns()["row"], found.source.cells
        pairs = []
        for places in repeats.examples:
            at = [int(rows.read(place, place + 1)[0]) for place in places]
            pairs.append(" = ".join(str(table.rows(row, row + 1).index[0]) for row in at))
        findings.append(
            Finding(
                rule="cells-repeated",
                severity="warning",
                message=f"{repeats.n_repeats} cells have the same counts as an earlier one: atlas"
                " versions leave them out.",
                count=repeats.n_repeats,
                examples=tuple(pairs),
                remedy="Check whether a sample was loaded twice.",
            )
        )
    return findings


def _about_quality(quality: CellQuality) -> list[Finding]:
    findings = []
    n_obs = quality.survey.n_obs
    if quality.n_outliers:
        findings.append(
            Finding(
                rule="quality-outliers",
                severity="note",
                message=f"{quality.n_outliers} of {n_obs} cells are outliers by MAD within their"
                " batch.",
                count=quality.n_outliers,
                remedy="Ingest with --filter to leave them out of the atlas.",
            )
        )
    if quality.small_batches:
        findings.append(
            Finding(
                rule="quality-small-batches",
                severity="note",
                message=f"{len(quality.small_batches)} batches have too few cells to tell outliers.",
                count=len(quality.small_batches),
                examples=quality.small_batches[:MAX_EXAMPLES],
            )
        )
    return findings + _about_doublets(quality)


def _about_doublets(quality: CellQuality) -> list[Finding]:
    n_obs = quality.survey.n_obs
    if not quality.parts:
        return [
            Finding(
                rule="doublets-unscored",
                severity="note",
                message=f"Doublets of {n_obs} cells were not scored"
                + (f": that is done by itself up to {AUTO_N_OBS}." if n_obs > AUTO_N_OBS else "."),
                count=n_obs,
                remedy="Ingest with --doublets yes to score them.",
            )
        ]
    unscored = sum(part.n_obs for part in quality.parts if part.outcome != "scored")
    findings = [
        Finding(
            rule="doublets-predicted",
            severity="note",
            message=f"{quality.n_doublets} of {n_obs} cells look like doublets.",
            count=quality.n_doublets,
            remedy="Ingest with --filter to leave them out of the atlas."
            if quality.n_doublets
            else "",
        )
    ]
    if unscored:
        findings.append(
            Finding(
                rule="doublets-uncalled",
                severity="note",
                message=f"{unscored} cells are in batches too small or too uniform to tell doublets.",
                count=unscored,
            )
        )
    return findings
