"""What the user says about a deposit."""

from dataclasses import dataclass
from typing import Literal

DoubletChoice = Literal["auto", "yes", "no"]
"""Whether doublets are scored; automatically, where there are few cells and enough memory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestOptions:
    """What the user says about a deposit; it decides, with the bytes, what the store holds."""

    batch_key: str | None = None
    """Column with the experimental batch; default `keys.BATCH` where the deposit has it."""

    label_key: str | None = None
    """Column with the label; default `keys.CELL_TYPE` where the deposit has it."""

    trusted_labels: tuple[str, tuple[str, ...]] | None = None
    """Column, and the values of it at which a label is one that a person or a sorter gave;
    labels of other cells count as unknown."""

    layer: str | None = None
    """Matrix that holds the counts: ``X``, ``raw`` or the name of a layer; found by itself where
    none is named."""

    genome: str | None = None
    """The one genome to take of a deposit with several."""

    doublets: DoubletChoice = "auto"
    """Whether doublets are scored; automatically, in deposits of at most 30,000 cells."""
