"""What a flow hands back: references and figures, and how they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from genemamba.cli.output import print_json, print_note, print_table, print_text
from genemamba.provenance import Json
from tasks.outcomes import IngestOutcome
from tasks.stages import StageRef

EXIT_REFUSED: Final = 2
"""Exit code where a deposit was refused."""

HEADLINE_METRICS: Final = ("bio_conservation", "batch_correction", "total")
"""Aggregates of scIB, shown in the summary; the report has all the others."""


@dataclass(frozen=True, kw_only=True)
class AtlasResult:
    """What a flow did, by reference, with the figures that a person asks for first."""

    atlas: str
    """Name of the atlas."""
    outcomes: tuple[IngestOutcome, ...] = ()
    """One verdict per deposit."""
    stages: tuple[StageRef, ...] = ()
    """What was done or found, in order."""
    delivered: Mapping[str, str] = field(default_factory=dict)
    """Paths of copies that the user asked for, by stage."""
    scores: Mapping[str, Json] | None = None
    """Figures of the evaluation: ``integration``, ``annotation``, ``split``, ``notes``."""

    @classmethod
    def gather(
        cls,
        *,
        atlas: str,
        outcomes: Sequence[IngestOutcome] = (),
        delivered: Mapping[str, str] | None = None,
        **stages: StageRef,
    ) -> "AtlasResult":
        """Collect the references of a flow's stages, in the order given."""
        evaluation = stages.get("evaluation")
        ingested = [outcome.stage for outcome in outcomes if outcome.stage]
        return cls(
            atlas=atlas,
            outcomes=tuple(outcomes),
            stages=(*ingested, *stages.values()),
            delivered=delivered or {},
            scores=evaluation.artifact.facets["summary"] if evaluation else None,
        )

    @property
    def refused(self) -> tuple[IngestOutcome, ...]:
        """Deposits that were not taken."""
        return tuple(outcome for outcome in self.outcomes if outcome.refused)

    def stage(self, name: str) -> StageRef | None:
        """Return the stage of that name, if the flow had it."""
        return next((stage for stage in self.stages if stage.stage == name), None)

    def to_document(self) -> dict[str, Json]:
        """Describe the result as one JSON document."""
        document: dict[str, Json] = {"atlas": self.atlas}
        if version := self.stage("compose"):
            document["atlas_version"] = version.label
            document["n_obs"] = version.artifact.facets["n_obs"]
            document["duplicates"] = _duplicates_document(version)
        if model := self.stage("pretrain"):
            document["model"] = {"ref": model.label, **model.artifact.facets}
        if embedding := self.stage("embed"):
            document["embedding_store"] = embedding.artifact.uri
        if annotation := self.stage("annotate"):
            document["annotation_store"] = annotation.artifact.uri
        document |= self.scores or {}
        if page := self.stage("report"):
            document["report"] = page.artifact.uri
        if self.delivered:
            document["delivered"] = dict(self.delivered)
        document["deposits"] = [_deposit_document(outcome) for outcome in self.outcomes]
        document["stages"] = [_stage_document(stage) for stage in self.stages]
        return document


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
    if page := result.stage("report"):
        print_text(f"\nreport: {page.artifact.uri}")


def _show_stages(result: AtlasResult) -> None:
    if result.stages:
        print_table(["stage", "result", "", "run"], [_stage_row(stage) for stage in result.stages])
    if version := result.stage("compose"):
        for line in _left_out_lines(version):
            print_text(f"  {line}")
    _show_findings(result)
    for path in result.delivered.values():
        print_text(f"\nwritten: {path}")


def _show_findings(result: AtlasResult) -> None:
    model = result.stage("pretrain")
    for finding in model.artifact.facets.get("findings", ()) if model else ():
        print_text(f"  {finding['severity']}: {finding['message']} {finding['remedy']}".rstrip())


def _show_scores(scores: Mapping[str, Json]) -> None:
    print_text("")
    print_table(
        ["integration", *HEADLINE_METRICS],
        [
            [embedding, *(values.get(name) for name in HEADLINE_METRICS)]
            for embedding, values in scores["integration"].items()
        ],
    )
    if scores["annotation"]:
        print_text("")
        print_table(
            [f"annotation, {scores['split']['kind']}", "accuracy", "macro_f1"],
            [
                [method, values["accuracy"], values["macro_f1"]]
                for method, values in scores["annotation"].items()
            ],
        )
    for note in scores["notes"]:
        print_text(f"  {note}")


def _deposit_document(outcome: IngestOutcome) -> dict[str, Json]:
    return {
        "name": outcome.name,
        "uri": outcome.uri,
        "verdict": outcome.verdict,
        "store": outcome.stage.artifact.uri if outcome.stage else None,
        **outcome.report,
    }


def _duplicates_document(version: StageRef) -> dict[str, Json]:
    """Say by deposit how many cells are left out as copies, and which deposits keep them."""
    return {
        name: {"n": counts["duplicates"], "kept_by": counts["kept_by"]}
        for name, counts in version.artifact.facets.get("left_out", {}).items()
        if counts["duplicates"]
    }


def _left_out_lines(version: StageRef) -> list[str]:
    lines = []
    for name, counts in version.artifact.facets.get("left_out", {}).items():
        lines += [
            f"{name}: {n:,} cells left out, kept by {by}" for by, n in counts["kept_by"].items()
        ]
        if counts["quality"]:
            lines.append(f"{name}: {counts['quality']:,} cells left out by the quality filter")
    return lines


def _stage_document(stage: StageRef) -> dict[str, Json]:
    return {
        "stage": stage.stage,
        "label": stage.label,
        "run": stage.run_id,
        "reused": stage.reused,
        "digest": stage.artifact.digest,
        "uri": stage.artifact.uri,
    }


def _deposit_row(outcome: IngestOutcome) -> list[Json]:
    report = outcome.report
    figures = [report.get(key) for key in ("n_obs", "n_vars", "umis_mapped", "labelled")]
    return [outcome.name, outcome.verdict, *figures, len(report.get("batches", ())) or None]


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
