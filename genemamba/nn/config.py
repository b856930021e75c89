"""What a model is, and nothing about how it is trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from genemamba.errors import ModelError

Fusion = Literal["mean", "sum", "concat", "gate"]
"""How the forward and backward streams of a layer become one."""

FUSIONS: Final = get_args(Fusion)
"""Every accepted `Fusion`."""

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

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)!r} (a whole number above zero)"
            for name in _COUNTS
            if not _is_count(getattr(self, name))
        ]
        if self.fusion not in FUSIONS:
            faults.append(f"fusion={self.fusion!r} (one of {', '.join(FUSIONS)})")
        if not self.norm_eps > 0:
            faults.append(f"norm_eps={self.norm_eps!r} (a number above zero)")
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
