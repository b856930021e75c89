"""The gene reference that deposits are mapped against, and other pinned facts, put on record once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from genemamba.atlas.genes.reference import GeneReference
from genemamba.atlas.genes.tables import load_reference
from genemamba.provenance import Json, canonical_json
from genemamba.storage import split_url
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("atlas/genes/tables.py", "atlas/genes/reference.py", "atlas/genes/hgnc.py")
"""Library modules that decide which genes are known."""


def open_reference(hgnc: str | None) -> GeneReference:
    """Load the packaged genes, with the symbols of an HGNC file where one is named.

    Raises
    ------
    SourceError
        The file is missing, or no table of HGNC.
    """
    return load_reference(Path(hgnc)) if hgnc else load_reference()


def record_reference(workspace: Workspace, reference: GeneReference) -> StageRef:
    """Put release, sources, licences and digests of a reference on record."""
    return record_facts(
        workspace,
        reference.about,
        digest=reference.digest,
        stage="reference",
        kind="gene-reference",
        modules=MODULES,
    )


def record_facts(
    workspace: Workspace,
    about: Mapping[str, Json],
    *,
    digest: str,
    stage: str,
    kind: str,
    modules: tuple[str, ...],
) -> StageRef:
    """Keep what is known of some pinned facts as a file, found again by their digest.

    Parameters
    ----------
    workspace
        Where it is kept.
    about
        Release, source, licence.
    digest
        Of the facts themselves.
    stage, kind
        Names of the stage and of the artifact.
    modules
        Library modules that read the facts.
    """
    plan = StagePlan(
        stage=stage,
        kind=kind,
        folder="references",
        suffix=".json",
        inputs=[],
        params={"digest": digest},
        modules=modules,
    )

    def work(staged: str) -> Produced:
        fs, path = split_url(staged)
        fs.pipe_file(path, canonical_json(dict(about)).encode())
        return Produced(facets=dict(about), media_type="application/json")

    return run_stage(workspace, plan, work)
