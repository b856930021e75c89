"""The gene reference that deposits are mapped against, put on record once."""

from pathlib import Path
from typing import Final

from genemamba.atlas.genes.reference import GeneReference
from genemamba.atlas.genes.tables import load_reference
from genemamba.provenance import canonical_json
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
    plan = StagePlan(
        stage="reference",
        kind="gene-reference",
        folder="references",
        suffix=".json",
        inputs=[],
        params={"digest": reference.digest},
        modules=MODULES,
    )

    def work(staged: str) -> Produced:
        fs, path = split_url(staged)
        fs.pipe_file(path, canonical_json(dict(reference.about)).encode())
        return Produced(facets=dict(reference.about), media_type="application/json")

    return run_stage(workspace, plan, work)
