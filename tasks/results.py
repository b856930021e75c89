"""What a flow hands back: references and figures, and the document they make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from genemamba.provenance import Json
from tasks.outcomes import IngestOutcome
from tasks.stages import StageRef

FILES: Final[Mapping[str, str]] = {
    "embed": "embedding_store",
    "annotate": "annotation_store",
    "split": "split_file",
    "report": "report",
    "model-card": "model_card",
}
"""Stages whose file a user wants to open, and its name in a document."""


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
    """Figures of the evaluation: ``integration`` and its tables, ``annotation``, ``split``,
    ``notes``."""

    term_scores: Mapping[str, Json] | None = None
    """Figures in the Cell Ontology: ``release``, ``methods``, ``labels_without_term``."""

    @classmethod
    def gather(
        cls,
        *,
        atlas: str,
        outcomes: Sequence[IngestOutcome] = (),
        delivered: Mapping[str, str] | None = None,
        **stages: StageRef | None,
    ) -> "AtlasResult":
        """Collect the references of a flow's stages, in the order given."""
        evaluation = stages.get("evaluation")
        placed = stages.get("term_scores")
        ingested = [outcome.stage for outcome in outcomes if outcome.stage]
        return cls(
            atlas=atlas,
            outcomes=tuple(outcomes),
            stages=(*ingested, *filter(None, stages.values())),
            delivered=delivered or {},
            scores=evaluation.artifact.facets["summary"] if evaluation else None,
            term_scores=placed.artifact.facets["summary"] if placed else None,
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
        if model := self.stage("fine-tune") or self.stage("pretrain"):
            document["model"] = {"ref": model.label, **model.artifact.facets}
        if annotation := self.stage("annotate"):
            document["labelling"] = annotation.artifact.facets.get("labelling")
            document |= _added_document(annotation)
        document |= self.scores or {}
        if self.term_scores:
            document["ontology"] = dict(self.term_scores)
        if genes := self.stage("evaluate-genes"):
            document["genes"] = genes.artifact.facets["summary"]
        document |= {
            name: stage.artifact.uri for key, name in FILES.items() if (stage := self.stage(key))
        }
        if self.delivered:
            document["delivered"] = dict(self.delivered)
        document["deposits"] = [_deposit_document(outcome) for outcome in self.outcomes]
        document["stages"] = [_stage_document(stage) for stage in self.stages]
        return document


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


def _stage_document(stage: StageRef) -> dict[str, Json]:
    return {
        "stage": stage.stage,
        "label": stage.label,
        "run": stage.run_id,
        "reused": stage.reused,
        "digest": stage.artifact.digest,
        "uri": stage.artifact.uri,
    }


def _added_document(annotation: StageRef) -> dict[str, Json]:
    """Say which types were added to the annotation's base, and what is to be looked at."""
    facets = annotation.artifact.facets
    if "added" not in facets:
        return {}
    return {"added_types": facets["added"]["types"], "findings": facets["findings"]}
