"""What the user says about deposits, as flows and commands pass it on."""

from dataclasses import dataclass
from typing import Literal

from genemamba.atlas.options import DoubletChoice


@dataclass(frozen=True, kw_only=True)
class DepositSettings:
    """How deposits are read, labelled, checked and filtered."""

    batch_key: str | None = None
    """Column of ``obs`` with the experimental batch."""
    label_key: str | None = None
    """Column of ``obs`` with the author's label."""
    trusted_labels: str | None = None
    """``COLUMN=VALUE[,VALUE…]``: only labels of such cells count."""
    layer: str | None = None
    """Matrix with the counts: ``X``, ``raw`` or a layer; found by itself where none is named."""
    genome: str | None = None
    """The one genome to take of deposits with several."""
    hgnc: str | None = None
    """Path of an HGNC file, whose previous and alias symbols are known then, too."""
    doublets: DoubletChoice = "auto"
    """Whether doublets are scored; automatically, in deposits of at most 30,000 cells."""
    schema: Literal["cellxgene"] | None = None
    """Standard that deposits are checked against, beside our own rules."""
    leave_out_poor_cells: bool = False
    """Whether outliers and predicted doublets are left out of the atlas version."""
    memory: str = "2GiB"
    """Bound on the memory of ingest."""
