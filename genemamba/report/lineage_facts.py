"""What a lineage says of the runs behind a page."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from genemamba.catalog.graph import ArtifactNode, Lineage, RunNode
from genemamba.catalog.records import ArtifactRecord
from genemamba.errors import CatalogError
from genemamba.report.data import InputDigest, Provenance

STAGE_TITLES: Final[Mapping[str, str]] = {
    "reference": "Genes",
    "ingest": "Ingest of a deposit",
    "compose": "Composition of the atlas version",
    "pretrain": "Pretraining",
    "import": "Import of a published model",
    "fine-tune": "Fine-tuning on labels",
    "embed": "Embedding",
    "annotate": "Annotation",
    "split": "Splitting of labelled cells",
    "ontology": "Cell Ontology",
    "label-mapping": "Terms of the labels",
    "evaluate": "Scoring",
    "evaluate-genes": "Scoring of genes",
    "score-terms": "Scoring in the Cell Ontology",
}
"""What each stage did, in the page's words."""


def provenance_of(lineage: Lineage) -> Iterator[Provenance]:
    """Yield what made each thing that the page shows."""
    for run in runs_of(lineage):
        made = artifacts_of(lineage, run, "out")
        yield Provenance(
            key=run_key(run),
            title=f"{STAGE_TITLES[run.stage]}: {name_of(lineage, made[0], '') or made[0].kind}",
            run_id=run.id,
            code=_code(run),
            seed=run.seed,
            inputs=tuple(
                InputDigest(artifact.kind, artifact.uri.rpartition("/")[2], artifact.digest)
                for artifact in artifacts_of(lineage, run, "in")
            ),
            parameters={name: str(value) for name, value in sorted(run.params.items())},
            finished_at=run.ended_at,
        )


def _code(run: RunNode) -> str:
    commit = f"commit {run.code.git_commit[:12]}" if run.code.git_commit else "no commit"
    changed = ", changed since" if run.code.git_dirty else ""
    return f"{run.code.package_version}, {commit}{changed}, source {run.code.source_digest[7:19]}"


def without_twins(lineage: Lineage, run_ids: Collection[str]) -> Lineage:
    """Leave out other runs that made the bytes that one of the given runs made."""
    made = {e.digest for e in lineage.edges if e.direction == "out" and e.run_id in run_ids}
    twins = {
        edge.run_id
        for edge in lineage.edges
        if edge.direction == "out" and edge.digest in made and edge.run_id not in run_ids
    }
    nodes = tuple(n for n in lineage.nodes if isinstance(n, ArtifactNode) or n.id not in twins)
    return replace(lineage, nodes=nodes)


def runs_of(lineage: Lineage) -> list[RunNode]:
    """Return the runs among the nodes."""
    return [node for node in lineage.nodes if isinstance(node, RunNode)]


def run_of(lineage: Lineage, stage: str, run_ids: Collection[str]) -> RunNode:
    """Return the one given run of a stage."""
    found = [run for run in runs_of(lineage) if run.stage == stage and run.id in run_ids]
    if len(found) != 1:
        msg = f"Expected one run of stage {stage!r} behind the evaluation, found {len(found)}."
        raise CatalogError(msg)
    return found[0]


def artifacts_of(lineage: Lineage, run: RunNode, direction: str) -> list[ArtifactRecord]:
    """Return what went into a run, or came out of it."""
    known = {
        node.artifact.digest: node.artifact
        for node in lineage.nodes
        if isinstance(node, ArtifactNode)
    }
    return [
        known[edge.digest]
        for edge in lineage.edges
        if edge.run_id == run.id and edge.direction == direction
    ]


def name_of(lineage: Lineage, artifact: ArtifactRecord, kind: str) -> str:
    """Return the name of an artifact of a kind, empty where it has none."""
    refs = next(
        node.refs
        for node in lineage.nodes
        if isinstance(node, ArtifactNode) and node.artifact.digest == artifact.digest
    )
    return next((ref.partition(":")[2] for ref in refs if ref.startswith(kind)), "")


def version_number(lineage: Lineage, run_ids: Collection[str]) -> str:
    """Return the number of the atlas version that was composed."""
    (manifest,) = artifacts_of(lineage, run_of(lineage, "compose", run_ids), "out")
    return name_of(lineage, manifest, "atlas").rpartition("@")[2]


def run_key(run: RunNode) -> str:
    """Return the short name by which the page points to a run."""
    return f"{run.stage}-{run.id[:8]}"
