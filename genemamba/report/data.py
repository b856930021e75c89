"""Everything a page shows, as plain values, and where each number comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genemamba.evaluation.annotation.comparison import Comparison
from genemamba.evaluation.annotation.scores import AnnotationScore
from genemamba.evaluation.genes.scores import GeneEvaluation
from genemamba.evaluation.integration.scores import IntegrationScore
from genemamba.report.terms import TermTable


class Fact(NamedTuple):
    """A name and what is to be read beside it."""

    name: str
    value: str


class InputDigest(NamedTuple):
    """Something a run read."""

    role: str
    name: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """One run, to which the numbers it made point."""

    key: str
    """Short and unique on the page; letters, digits and hyphens."""
    title: str
    """What the run did."""
    run_id: str
    """In the catalog."""
    code: str
    """Version, and commit or digest of the source."""
    seed: int | None = None
    """Of everything random."""
    inputs: tuple[InputDigest, ...] = ()
    """What it read, by content."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What else decided the result."""
    finished_at: datetime | None = None
    """In UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DepositRow:
    """One deposit as it was ingested."""

    name: str
    n_obs: int
    """Cells kept."""
    n_vars: int
    """Genes mapped to the reference."""
    n_batches: int
    n_labelled: int
    """Cells with an author's label."""
    digest: str
    """Of the bytes received."""
    notes: tuple[str, ...] = ()
    """What its ingest had to say."""
    provenance: str = ""
    """Key of the run that ingested it."""


class TrainingPoint(NamedTuple):
    """Loss of one step."""

    step: int
    loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """The model behind the embedding."""

    name: str
    """Name and number in the catalog."""
    facts: tuple[Fact, ...]
    """Size, objective, training."""
    history: tuple[TrainingPoint, ...] = ()
    """Empty for an imported model."""
    provenance: str = ""
    """Key of the run that trained or imported it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layout:
    """An embedding laid out in the plane."""

    embedding: str
    """Name, such as `keys.X_PCA`."""
    coordinates: npt.NDArray[np.float32]
    """Shape ``(n_obs, 2)``."""
    provenance: str = ""
    """Key of the run that laid it out."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnCells:
    """What the cells of the layouts are coloured by; each of shape ``(n_obs,)``."""

    batch: npt.NDArray[np.object_]
    label: npt.NDArray[np.object_]
    """Author's label, `keys.UNKNOWN` where there is none."""
    prediction: npt.NDArray[np.object_]
    """Label by the model, `keys.UNKNOWN` below the threshold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Integration:
    """Scores of embeddings."""

    scores: tuple[IntegrationScore, ...]
    notes: tuple[str, ...] = ()
    """What could not be asked."""
    provenance: str = ""
    """Key of the run that scored."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnnotationRow:
    """One way of labelling, scored on held-out cells."""

    method: str
    """As a reader would say it."""
    score: AnnotationScore
    implementation: str
    """Library and version that computed the score."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Annotation:
    """Ways of labelling, side by side."""

    rows: tuple[AnnotationRow, ...]
    """Ours first, at least one."""
    split: str
    """Which cells were held out, with counts."""
    comparisons: tuple[Comparison, ...] = ()
    """Ours against the best baseline."""
    provenance: str = ""
    """Key of the run that scored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Genes:
    """Scores of genes."""

    evaluation: GeneEvaluation
    provenance: str = ""
    """Key of the run that scored."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Certainty:
    """How often labels are wrong, by how many cells are answered for."""

    coverage: npt.NDArray[np.float64]
    """Share of the judged cells, rising, shape ``(n_points,)``."""
    risk: npt.NDArray[np.float64]
    """Share of these with a wrong label, shape ``(n_points,)``."""
    area: float
    """Under the whole curve."""
    target: float | None
    """Share of wrong labels that was asked for, if one was."""
    point: tuple[float, float] | None
    """Coverage and risk of the rules in force; None where they accept no cell."""
    judged: str
    """Cells that this was learnt from, as a reader would say it."""
    facts: tuple[Fact, ...]
    """Head, temperature, rules."""
    reasons: tuple[tuple[str, int], ...]
    """Cells of the atlas that are accepted, and those that are not by reason."""
    provenance: str = ""
    """Key of the run that labelled."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReportData:
    """One page. Parts that are None or empty are left out of it."""

    atlas: str
    """Name of the atlas."""
    version: str
    """Its version."""
    generated_at: datetime
    """In UTC; printed, so equal data give equal bytes."""
    n_obs: int
    n_vars: int
    deposits: tuple[DepositRow, ...]
    model: ModelFacts | None = None
    layouts: tuple[Layout, ...] = ()
    """Ours first."""
    cells: DrawnCells | None = None
    """Of the layouts."""
    integration: Integration | None = None
    annotation: Annotation | None = None
    terms: TermTable | None = None
    """Annotation in the Cell Ontology, where a mapping says what the labels mean."""
    certainty: Certainty | None = None
    genes: Genes | None = None
    notes: tuple[str, ...] = ()
    """About the atlas as a whole."""
    provenance: tuple[Provenance, ...] = ()
    """Every run that a number points to."""
