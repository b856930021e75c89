"""What a model is, and nothing about how it is trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from genemamba.errors import ModelError

Fusion = Literal["mean", "sum", "concat", "gate"]
"""How the forward and backward streams of a layer become one."""

FUSIONS: Final = get_args(Fusion)
"""Every accepted `Fusion`."""

Padding = Literal["aware", "upstream"]
"""Whether a cell's states are kept free of padding, or read it as the published model does."""

PADDINGS: Final = get_args(Padding)
"""Every accepted `Padding`."""

MAX_VALUE_BINS: Final = 255
"""A bin is kept in one byte, and one of its values stands for none."""

_COUNTS: Final = (
    "vocab_size", "d_model", "n_layer", "d_state", "d_conv", "expand", "headdim", "chunk_size",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """Shape of a bidirectional Mamba-2 over gene tokens.

    Defaults are those of the published checkpoints (arXiv 2504.16956) and of ``mamba_ssm``.

    Raises
    ------
    ModelError
        A value is impossible; every such value is named.
    """

    vocab_size: int
    """Gene tokens plus the special tokens."""

    d_model: int
    """Width of the token states, and of a cell's embedding."""

    n_layer: int
    """Bidirectional layers."""

    d_state: int = 64
    """Width of the recurrent state that each channel keeps."""

    d_conv: int = 4
    """Taps of the causal convolution before the scan."""

    expand: int = 2
    """Inner width as a multiple of `d_model`."""

    headdim: int = 64
    """Channels that share one decay."""

    fusion: Fusion = "mean"
    """How the forward and backward streams of a layer become one."""

    pre_norm: bool = False
    """Normalise the input of each mixer; the published model does not."""

    tie_embeddings: bool = False
    """Predict genes with the embedding table itself; the published model has a second table."""

    chunk_size: int = 64
    """Tokens per block of the scan: changes the speed and the rounding, not the result."""

    norm_eps: float = 1e-5
    """Added to the mean square in every normalisation."""

    padding: Padding = "aware"
    """With ``aware``, states and embedding depend on the cell alone. With ``upstream`` they are the
    published ones and depend on `row_seqlen`, too: padding tokens are embedded like genes, the
    backward direction reads them first, and they are averaged into the embedding."""

    row_seqlen: int | None = None
    """Tokens that upstream padding fills every cell up to; None where padding is aware."""

    fuse_every_layer: bool = True
    """Fuse the directions after every layer, as published; else once, behind the last layer, so
    that no state of either direction has seen what the other one reads."""

    value_bins: int = 0
    """Bins of expression that a token's embedding tells beside its gene; 0 for ranks alone, as
    published."""

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)!r} (a whole number above zero)"
            for name in _COUNTS
            if not _is_count(getattr(self, name))
        ]
        if self.fusion not in FUSIONS:
            faults.append(f"fusion={self.fusion!r} (one of {', '.join(FUSIONS)})")
        if self.padding not in PADDINGS:
            faults.append(f"padding={self.padding!r} (one of {', '.join(PADDINGS)})")
        elif self.padding == "upstream" and not _is_count(self.row_seqlen):
            faults.append(f"row_seqlen={self.row_seqlen!r} (a whole number above zero)")
        elif self.padding == "aware" and self.row_seqlen is not None:
            faults.append(f"row_seqlen={self.row_seqlen!r} (None, since padding is aware)")
        if not self.norm_eps > 0:
            faults.append(f"norm_eps={self.norm_eps!r} (a number above zero)")
        if type(self.value_bins) is not int or not 0 <= self.value_bins <= MAX_VALUE_BINS:
            faults.append(f"value_bins={self.value_bins!r} (0 to {MAX_VALUE_BINS})")
        if not faults and self.d_inner % self.headdim:
            faults.append(
                f"headdim={self.headdim} (a divisor of expand * d_model = {self.d_inner})"
            )
        if faults:
            msg = f"Expected another model configuration, found {'; '.join(faults)}."
            raise ModelError(msg)

    @property
    def d_inner(self) -> int:
        """Channels inside a mixer."""
        return self.expand * self.d_model

    @property
    def nheads(self) -> int:
        """Heads inside a mixer."""
        return self.d_inner // self.headdim

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Build a configuration from what `to_dict` returned.

        Parameters
        ----------
        values
            Field names and values.

        Raises
        ------
        ModelError
            A field is unknown or missing, or a value is impossible.
        """
        known = {field.name for field in fields(cls)}
        required = {"vocab_size", "d_model", "n_layer"}
        if faults := sorted((set(values) - known) | (required - set(values))):
            msg = f"Expected a model configuration with fields {sorted(known)}, found {faults} unknown or missing."
            raise ModelError(msg)
        return cls(**values)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
