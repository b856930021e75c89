"""What the user says about deposits and trainings, as flows and commands pass it on."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from genemamba.atlas.options import DoubletChoice
from genemamba.nn.objectives.objective import ObjectiveName
from genemamba.provenance import Json
from genemamba.tokens.gmt import GmtFile, read_gmt
from genemamba.training.config import GENE_SET_WEIGHT, Precision


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


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings:
    """What a model is trained to do, and what its tokens tell."""

    objective: ObjectiveName = "masked"
    """How genes are named."""
    gene_sets: str | None = None
    """Path of a GMT file whose gene sets should have similar states."""
    gene_set_weight: float = GENE_SET_WEIGHT
    """Of that aim, beside naming genes."""
    value_tokens: bool = False
    """Whether tokens tell their binned expression beside their rank."""

    def read_gene_sets(self) -> GmtFile | None:
        """Read the file of gene sets, if there is one.

        Raises
        ------
        SourceError
            It is no GMT file.
        """
        return read_gmt(Path(self.gene_sets)) if self.gene_sets else None

    def params(self, gene_sets: GmtFile | None) -> dict[str, Json]:
        """Return what decides the result, where it is not the default; a file by its content.

        Parameters
        ----------
        gene_sets
            From `read_gene_sets`.
        """
        chosen: dict[str, Json] = {}
        if self.objective != "masked":
            chosen["objective"] = self.objective
        if gene_sets:
            chosen["gene_sets"] = gene_sets.digest
            chosen["gene_set_weight"] = self.gene_set_weight
        if self.value_tokens:
            chosen["value_tokens"] = True
        return chosen


@dataclass(frozen=True, kw_only=True)
class CourseSettings:
    """How a training runs, where that is not as its preset says."""

    precision: Precision = "fp32"
    """Numbers that most of a step is computed in."""
    patience: int | None = None
    """Looks at the held-out loss without a better one after which training stops."""
    accumulation_steps: int = 1
    """Minibatches whose gradients are averaged into one step."""
    micro_batch_size: int | None = None
    """Rows of a minibatch that go through the model at once: fewer take less memory."""
    checkpoint_layers: bool = False
    """Whether states are computed again for the gradient, which takes less memory."""

    def changes(self) -> dict[str, Any]:
        """Return the fields of `TrainingConfig` that are chosen otherwise than by default."""
        defaults = CourseSettings()
        return {
            name: value for name, value in asdict(self).items() if value != getattr(defaults, name)
        }
