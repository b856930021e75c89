"""What a person sees of a flow's result: tables on the terminal, or one document."""

from collections.abc import Mapping
from typing import Final

from genemamba.cli.output import print_json, print_note, print_table, print_text
from genemamba.provenance import Json
from tasks.annotation_tables import show_annotation
from tasks.gene_results import show_gene_scores
from tasks.outcomes import IngestOutcome
from tasks.results import AtlasResult
from tasks.stages import StageRef

EXIT_REFUSED: Final = 2
"""Exit code where a deposit was refused."""

HEADLINE_METRICS: Final = (
    "bio_conservation",
    "batch_correction",
    "total",
    "avg_bio",
    "avg_batch",
)
"""Aggregates of scIB and of GeneMamba's authors, shown in the summary; the report has the rest."""


def show_result(result: AtlasResult, *, as_json: bool) -> int:
    """Print a result and return the exit code: 2 where a deposit was refused, else 0."""
    if as_json:
        print_json(result.to_document())
    else:
        _show_tables(result)
    for outcome in result.refused:
        print_note(f"refused {outcome.uri}: {outcome.message}")
    return EXIT_REFUSED if result.refused else 0


def _show_tables(result: AtlasResult) -> None:
    if result.outcomes:
        print_table(
            ["deposit", "verdict", "cells", "genes", "UMIs mapped", "labelled", "batches"],
            [_deposit_row(outcome) for outcome in result.outcomes],
        )
        print_text("")
        rows = [row for outcome in result.outcomes for row in _finding_rows(outcome)]
        if rows:
            print_table(["deposit", "", "rule", "count", "what was found"], rows)
            print_text("")
        for outcome in result.outcomes:
            if outcome.verdict == "acceptable":
                print_text(_plan_line(outcome))
    _show_stages(result)
    if result.scores:
        _show_scores(result.scores)
    if result.term_scores:
        _show_term_scores(result.term_scores)
    if genes := result.stage("evaluate-genes"):
        show_gene_scores(genes.artifact.facets["summary"])
    if page := result.stage("report"):
        print_text(f"\nreport: {page.artifact.uri}")
    if card := result.stage("model-card"):
        print_text(f"model card: {card.artifact.uri}")


def _show_stages(result: AtlasResult) -> None:
    if result.stages:
        print_table(["stage", "result", "", "run"], [_stage_row(stage) for stage in result.stages])
    if version := result.stage("compose"):
        for line in _left_out_lines(version):
            print_text(f"  {line}")
    annotation = result.stage("annotate")
    if annotation and "labelling" in annotation.artifact.facets:
        print_text(f"  {_labelling_line(annotation)}")
    _show_findings(result)
    for path in result.delivered.values():
        print_text(f"\nwritten: {path}")


def _show_findings(result: AtlasResult) -> None:
    stages = [stage for name in ("pretrain", "annotate") if (stage := result.stage(name))]
    for finding in (each for stage in stages for each in stage.artifact.facets.get("findings", ())):
        print_text(f"  {finding['severity']}: {finding['message']} {finding['remedy']}".rstrip())


def _show_term_scores(scores: Mapping[str, Json]) -> None:
    columns = ("precision", "recall", "f1", "accuracy")
    print_text("")
    print_table(
        [f"Cell Ontology {scores['release']}", *columns],
        [
            [method, *(values[name] for name in columns)]
            for method, values in scores["methods"].items()
        ],
    )
    for label in scores["labels_without_term"]:
        print_text(f"  not scored, for it means no term: {label}")


def _show_scores(scores: Mapping[str, Json]) -> None:
    for kind, embeddings in scores["integration_tables"].items():
        print_text("")
        print_table(
            [f"integration, {kind}", *HEADLINE_METRICS],
            [
                [name, *(scores["integration"][name].get(metric) for metric in HEADLINE_METRICS)]
                for name in embeddings
            ],
        )
    show_annotation(scores)
    for note in scores["notes"]:
        print_text(f"  {note}")


def _left_out_lines(version: StageRef) -> list[str]:
    lines = []
    for name, counts in version.artifact.facets.get("left_out", {}).items():
        lines += [
            f"{name}: {n:,} cells left out, kept by {by}" for by, n in counts["kept_by"].items()
        ]
        if counts["quality"]:
            lines.append(f"{name}: {counts['quality']:,} cells left out by the quality filter")
    return lines


def _deposit_row(outcome: IngestOutcome) -> list[Json]:
    report = outcome.report
    figures = [report.get(key) for key in ("n_obs", "n_vars", "umis_mapped", "labelled")]
    return [outcome.name, outcome.verdict, *figures, len(report.get("batches", ())) or None]


def _labelling_line(annotation: StageRef) -> str:
    """Say how many cells have a label, and why the others have none."""
    labelling = annotation.artifact.facets["labelling"]
    parts = [f"{labelling['accepted_share']:.1%} of the cells have a label"]
    parts += [f"{reason}: {n:,}" for reason, n in labelling["unknown_because"].items()]
    return "; ".join(parts)


def _plan_line(outcome: IngestOutcome) -> str:
    report, plan = outcome.report, outcome.report["plan"]
    return (
        f"{outcome.name}: ingest would write {report['nnz']:,} counts of {report['n_obs']:,} cells"
        f" and {report['n_vars']:,} genes as {plan['dtype']}, in {plan['n_shards']} shards of"
        f" {plan['values_per_shard']:,} values; nothing was written."
    )


def _finding_rows(outcome: IngestOutcome) -> list[list[Json]]:
    return [
        [
            outcome.name,
            finding["severity"],
            finding["rule"],
            finding["count"],
            " ".join(filter(None, [finding["message"], finding["remedy"]])),
        ]
        for finding in outcome.report["findings"]
    ]


def _stage_row(stage: StageRef) -> list[Json]:
    done = "found, done before" if stage.reused else "done"
    return [stage.stage, stage.label or stage.short, done, stage.run_id[:8]]
