"""How the files of a published checkpoint look, as far as weights and vocabulary do not say it.

An imported model keeps this, so that exporting it gives the same tensors under the same names.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, get_args

from genemamba.errors import ModelError

Format = Literal["original", "huggingface"]
"""The authors' own spelling of keys and configuration, or that of their Hugging Face classes."""

FORMATS: Final = get_args(Format)
"""Every accepted `Format`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """What stands in front of the key of each part of the model, with its final stop."""

    embeddings: str = ""
    """In front of ``embeddings.weight``."""

    stack: str = "mamba_mixer."
    """In front of ``layers.0.mamba.D`` and of ``aggr.weight``."""

    norm: str = ""
    """In front of ``norm_f.weight``."""

    head: str = ""
    """In front of ``lm_head.weight``."""


SPELLINGS: Final[Mapping[Format, Spelling]] = {
    "original": Spelling(),
    "huggingface": Spelling(
        embeddings="genemamba.", stack="genemamba.mamba_mixer.", norm="genemamba."
    ),
}
"""Keys of a model that was not imported. Those of ``original`` are the published ones; no file of
the Hugging Face classes could be read, so that theirs follow the rule of transformers: the backbone
of a class with a head lies in an attribute named after the model type, ``genemamba``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedForm:
    """What is kept of the published files."""

    seqlen: int
    """Tokens kept of a cell."""

    format: Format
    """Which configuration lay beside the weights; ``original`` where none did."""

    spelling: Spelling
    """Names of the tensors."""

    config: Mapping[str, Any] = field(default_factory=dict)
    """Content of ``config.json``; empty where there was none."""

    dtypes: Mapping[str, str] = field(default_factory=dict)
    """Type of each tensor that was narrower than float32, by its name here, such as ``bfloat16``;
    widening it lost nothing."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "PublishedForm":
        """Build it from what `to_dict` returned.

        Parameters
        ----------
        values
            Field names and values.

        Raises
        ------
        ModelError
            A field is unknown or missing.
        """
        known = {part.name for part in fields(cls)}
        if faults := sorted(known ^ set(values)):
            msg = f"Expected published fields {sorted(known)}, found {faults} unknown or missing."
            raise ModelError(msg)
        return cls(**{**values, "spelling": Spelling(**values["spelling"])})
