"""What a model card says, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from genemamba.report.data import Fact, TrainingPoint

Origin = Literal["trained here", "imported", "fine-tuned here"]
"""Where a model version comes from."""


class CardStore(NamedTuple):
    """One deposit of the atlas that a model was trained on."""

    name: str
    n_obs: int
    """Cells that the atlas version has of it."""
    n_vars: int
    """Genes."""
    digest: str
    """Of the store."""
    source: str
    """Where the deposit was received from."""
    licence: str
    """As the deposit says, or that it is not on record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CardData:
    """What a model was trained on."""

    atlas: str
    """Atlas version."""
    digest: str
    """Of its manifest."""
    n_obs: int
    """Cells."""
    stores: tuple[CardStore, ...]
    """Empty where the manifest is not where it was."""


class CardCell(NamedTuple):
    """One number, with its interval."""

    text: str
    interval: str


class CardRow(NamedTuple):
    """One subject, or one metric."""

    title: str
    role: str
    """``model``, ``baseline`` or ``control``; empty for a metric."""
    cells: tuple[CardCell | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CardTable:
    """Scores of one run over the same cells."""

    title: str
    model: str
    """Model version that was scored."""
    about: str
    """Cells, split, implementations."""
    run_id: str
    heading: str
    """What a row is."""
    columns: tuple[str, ...]
    rows: tuple[CardRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """One model version, as the catalog knows it at a time."""

    ref: str
    """Name and number."""
    digest: str
    """Of the checkpoint's files."""
    uri: str
    """Where they were seen last."""
    as_of: datetime
    """Time of the newest record that the card shows, UTC; equal views give equal cards."""
    origin: Origin
    saw_labels: bool
    """Whether authors' labels shaped its weights."""
    base: str | None
    """Model version that it was made from."""
    derived: tuple[str, ...]
    """Model versions that were made from it."""
    n_parameters: int
    n_genes: int | None
    """Genes of its vocabulary; None where its files are not where they were."""
    data: CardData | None
    """None for an imported model."""
    objective: tuple[str, ...]
    """Sentences."""
    settings: tuple[Fact, ...]
    """Shape, size and course."""
    losses: tuple[Fact, ...]
    history: tuple[TrainingPoint, ...]
    """Loss of each step."""
    zero_shot: tuple[CardTable, ...]
    """Scores of weights that saw no label."""
    supervised: tuple[CardTable, ...]
    """Scores of weights that labels shaped."""
    limits: tuple[str, ...]
    """What is known against it."""
    provenance: tuple[Fact, ...]

    @property
    def about_labels(self) -> str:
        """Say in a sentence whether labels shaped the weights."""
        if self.saw_labels:
            return "Authors' labels shaped its weights."
        if self.origin == "imported":
            return "Nothing on record says that it saw a label."
        return "It saw no label."
