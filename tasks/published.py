"""Import a published checkpoint and put it on record."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

from genemamba.catalog.values import ArtifactInfo, Edge
from genemamba.publishing import writable_folder
from genemamba.storage import tree_manifest
from genemamba.training.checkpoint import save_checkpoint
from genemamba.training.published.files import PublishedFiles, find_files
from genemamba.training.published.importing import ImportOptions, import_published
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

MODULES: Final = ("nn", "tokens/vocabulary.py", "training/checkpoint.py", "training/published")
"""Library modules that decide what an imported checkpoint holds."""

STAGE: Final = "import"
"""What runs that import are called."""


def import_model(
    workspace: Workspace,
    path: Path,
    options: ImportOptions,
    *,
    name: str,
    vocabulary: Path | None = None,
) -> StageRef:
    """Make a published checkpoint a model version, or find the one that it was made.

    Parameters
    ----------
    workspace
        Where to read and write.
    path
        Folder of the checkpoint, or its weights alone.
    options
        What the user says about it.
    name
        Of the model.
    vocabulary
        Table of tokens and medians, where the checkpoint has none.

    Raises
    ------
    InputError
        The checkpoint cannot be taken.
    """
    files = find_files(path, vocabulary=vocabulary)
    plan = StagePlan(
        stage=STAGE,
        kind="checkpoint",
        folder="models",
        suffix="",
        inputs=_edges(files),
        params={"name": name, **asdict(options)},
        modules=MODULES,
        libraries=("torch",),
        commit_mark="config.json",
    )

    def work(staged: str) -> Produced:
        imported = import_published(files, options)
        with writable_folder(staged) as folder:
            save_checkpoint(folder, imported.checkpoint)
        findings = [finding.to_json() for finding in imported.findings]
        return Produced(facets={**imported.facts, "findings": findings}, model_name=name)

    return run_stage(workspace, plan, work)


def _edges(files: PublishedFiles) -> list[Edge]:
    edges = []
    for role, file in files.by_role().items():
        manifest = tree_manifest(str(file))
        artifact = ArtifactInfo(
            digest=manifest.digest,
            kind=f"published-{role}",
            uri=str(file.resolve()),
            size_bytes=manifest.size_bytes,
        )
        edges.append(Edge(role=role, artifact=artifact))
    return edges
