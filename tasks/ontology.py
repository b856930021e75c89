"""The Cell Ontology and the mapping of labels to it, put on record where a stage uses them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from genemamba import keys
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.atlas.versions.view import AtlasView
from genemamba.catalog.values import Edge
from genemamba.errors import InputError
from genemamba.inference.rolled_up import Naming
from genemamba.ontology.graph import CellOntology
from genemamba.ontology.mapping_file import LabelMapping, parse_label_mapping, read_label_mapping
from genemamba.ontology.tables import load_ontology
from genemamba.storage import split_url
from tasks.reference import record_facts
from tasks.stages import Produced, StagePlan, StageRef, run_stage
from tasks.workspace import Workspace

ONTOLOGY_MODULES: Final = ("ontology/graph.py", "ontology/tables.py")
"""Library modules that decide which terms there are, and what lies above them."""

TERM_CONFIDENCE: Final = 0.9
"""Probability that a term must reach before a cell is called it, where nothing else is asked."""

MAPPING_MODULES: Final = ("ontology/mapping_file.py",)
"""Library modules that decide which rows of a file count."""


@dataclass(frozen=True, kw_only=True)
class TermChoice:
    """Which labels mean which terms, by reference."""

    release: StageRef
    """The release of the Cell Ontology."""
    mapping: StageRef
    """The copy of the mapping file."""
    release_file: str | None
    """Where the release is read from; None means the packaged one."""

    @property
    def inputs(self) -> list[Edge]:
        """What a stage that uses it reads."""
        return [
            Edge(role="ontology", artifact=self.release.artifact),
            Edge(role="label-mapping", artifact=self.mapping.artifact),
        ]

    def open(self) -> tuple[CellOntology, LabelMapping]:
        """Read the release, and the file as it was when it was put on record."""
        ontology = _load(self.release_file)
        fs, path = split_url(self.mapping.artifact.uri)
        name = str(self.mapping.artifact.facets["name"])
        return ontology, parse_label_mapping(fs.cat_file(path), ontology, name=name)


def choose_terms(
    workspace: Workspace, version: StageRef, label_mapping: str | None, release_file: str | None
) -> TermChoice | None:
    """Read a label mapping, check it against an atlas version, and put it and its release on record.

    Parameters
    ----------
    workspace
        Where they are recorded.
    version
        The atlas version, whose labels the file has to know.
    label_mapping
        Path of the file; without one, nothing is chosen.
    release_file
        Path of a release of the Cell Ontology; None means the packaged one.

    Raises
    ------
    SourceError
        One of the files cannot be read, or is none.
    SchemaError
        An id is unknown or deprecated, or a label is not in the file.
    InputError
        A release is named, and no file.
    """
    if label_mapping is None:
        if release_file is None:
            return None
        raise InputError(
            expected="a label mapping with a release of the Cell Ontology",
            found=f"{release_file} alone",
            remedy="Name the file with --label-mapping too, or leave --ontology out.",
            rule="ontology-alone",
        )
    ontology = _load(release_file)
    mapping = read_label_mapping(Path(label_mapping), ontology)
    view = AtlasView.open(read_manifest(version.artifact.uri))
    mapping.check_covers(map(str, view.obs[keys.CELL_TYPE].unique()))
    return TermChoice(
        release=record_ontology(workspace, ontology),
        mapping=record_mapping(workspace, Path(label_mapping), mapping),
        release_file=release_file,
    )


def open_naming(terms: TermChoice, *, confidence: float) -> Naming:
    """Read what cells are to be called, and how sure of it an annotation has to be."""
    ontology, mapping = terms.open()
    return Naming(terms=mapping.terms, ontology=ontology, confidence=confidence)


def record_ontology(workspace: Workspace, ontology: CellOntology) -> StageRef:
    """Put release, source, licence and digest of an ontology on record."""
    return record_facts(
        workspace,
        ontology.about,
        digest=ontology.digest,
        stage="ontology",
        kind="cell-ontology",
        modules=ONTOLOGY_MODULES,
    )


def record_mapping(workspace: Workspace, path: Path, mapping: LabelMapping) -> StageRef:
    """Keep a copy of the mapping file, as it is when it is used."""
    content = path.read_bytes()
    plan = StagePlan(
        stage="label-mapping",
        kind="label-mapping",
        folder="references",
        suffix=".tsv",
        inputs=[],
        params={"digest": mapping.digest},
        modules=MAPPING_MODULES,
    )

    def work(staged: str) -> Produced:
        fs, place = split_url(staged)
        fs.pipe_file(place, content)
        facets = {
            "name": mapping.name,
            "n_labels": len(mapping.rows),
            "n_used": len(mapping.terms),
            "n_to_review": len(mapping.pending),
        }
        return Produced(facets=facets, media_type="text/tab-separated-values")

    return run_stage(workspace, plan, work)


def _load(release_file: str | None) -> CellOntology:
    return load_ontology(Path(release_file) if release_file else None)
