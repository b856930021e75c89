"""What the published configuration says, held against the tensors and the user's choice."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from genemamba.errors import InputError, SourceError
from genemamba.findings import Finding
from genemamba.nn.config import FUSIONS, Fusion, ModelConfig
from genemamba.training.published.form import Format

PUBLISHED_SEQLEN: Final = 2048
"""Tokens kept of a cell in the published downstream scripts and in Geneformer V1's corpus."""

LEARNT_FUSIONS: Final[tuple[Fusion, ...]] = ("concat", "gate")
"""Those with weights, ``aggr``, that are of one shape for both."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "d_model": ("d_model", "hidden_size"),
    "n_layer": ("mamba_layer", "num_hidden_layers"),
    "vocab_size": ("vocab_size",),
    "d_state": ("d_state",),
    "d_conv": ("d_conv",),
    "expand": ("expand",),
    "headdim": ("headdim",),
}
"""Our field, and what the published configurations call it."""


class Chosen(NamedTuple):
    """A setting, and who chose it."""

    value: Any
    """The setting."""
    source: str
    """``option``, ``config.json``, ``default`` or ``weights``."""


def choose_format(config: Mapping[str, Any]) -> Format:
    """Tell which kind of configuration this is.

    Parameters
    ----------
    config
        Content of ``config.json``, or nothing.
    """
    return "huggingface" if "hidden_size" in config else "original"


def choose_fusion(config: Mapping[str, Any], option: Fusion | None, *, has_aggr: bool) -> Chosen:
    """Settle how directions are fused, which weights tell only in part.

    Parameters
    ----------
    config
        Content of ``config.json``, or nothing.
    option
        What the user said.
    has_aggr
        Whether there are weights of a learnt fusion.

    Raises
    ------
    InputError
        Nobody says whether it is ``concat`` or ``gate``, or what is said contradicts the weights.
    """
    possible = LEARNT_FUSIONS if has_aggr else ("mean", "sum")
    said = Chosen(option, "option") if option else Chosen(config.get("mode"), "config.json")
    # An empty mapping is what the published pretraining script leaves where no mode was set.
    if said.value in (None, {}):
        if has_aggr:
            raise InputError(
                expected="to know whether directions are fused by concat or gate",
                found="weights that fit both, and no mode in config.json",
                remedy="Say it with --fusion.",
                rule="published-fusion-unknown",
            )
        return Chosen("mean", "default")
    if said.value not in possible:
        raise InputError(
            expected=f"a fusion by {' or '.join(possible)}, which the weights are for",
            found=f"{said.value!r} from {said.source}",
            remedy=f"Say it with --fusion, as one of {', '.join(FUSIONS)}.",
            rule="published-fusion-wrong",
        )
    return said


def choose_seqlen(config: Mapping[str, Any], option: int | None) -> Chosen:
    """Settle how many tokens are kept of a cell.

    Parameters
    ----------
    config
        Content of ``config.json``, or nothing.
    option
        What the user said.

    Raises
    ------
    SourceError
        The configuration has no positive number there.
    """
    if option is not None:
        return Chosen(option, "option")
    said = config.get("max_position_embeddings")
    if said is None:
        return Chosen(PUBLISHED_SEQLEN, "default")
    if not isinstance(said, int) or isinstance(said, bool) or said < 1:
        raise SourceError(
            expected="max_position_embeddings of 1 or more in config.json",
            found=repr(said),
            remedy="Say it with --seqlen.",
        )
    return Chosen(said, "config.json")


def check_config(config: Mapping[str, Any], model: ModelConfig) -> list[Finding]:
    """Hold a configuration against what the tensors say.

    Parameters
    ----------
    config
        Content of ``config.json``, or nothing.
    model
        From `genemamba.training.published.shapes.infer_config`.

    Raises
    ------
    SourceError
        They contradict each other.
    """
    said = {
        name: (published, config[published])
        for name, spellings in _FIELDS.items()
        for published in spellings
        if published in config
    }
    wrong = {
        published: (value, getattr(model, name))
        for name, (published, value) in said.items()
        if value != getattr(model, name) and not _is_resized(name, value, model)
    }
    if wrong:
        raise SourceError(
            expected="; ".join(f"{key}={real}, as the weights" for key, (_, real) in wrong.items()),
            found="; ".join(f"{key}={value!r}" for key, (value, _) in wrong.items()),
            remedy="Put weights and config.json of one model together.",
            rule="published-config-contradicts",
            count=len(wrong),
        )
    return _pooling_findings(config)


def _is_resized(name: str, value: object, model: ModelConfig) -> bool:
    # The published resize_token_embeddings adds a row and leaves config.vocab_size as it was.
    return name == "vocab_size" and value == model.vocab_size - 1


def _pooling_findings(config: Mapping[str, Any]) -> list[Finding]:
    pooling = config.get("embedding_pooling", "mean")
    if pooling == "mean":
        return []
    return [
        Finding(
            rule="published-pooling",
            severity="warning",
            message=f"config.json asks for embedding_pooling={pooling!r}; cells get their mean.",
        )
    ]
