"""Which tensor of a published file is which weight, told from the end of its name.

The original code and the Hugging Face classes put different prefixes in front of the same names.
Every tensor must be one weight of the model, and every weight one tensor.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from genemamba.errors import SourceError
from genemamba.training.published.form import Spelling

LAYER_WEIGHTS: Final = (
    "A_log", "D", "conv1d.bias", "conv1d.weight", "dt_bias", "in_proj.weight", "norm.weight",
    "out_proj.weight",
)  # fmt: skip
"""Weights of one layer, as ``mamba_ssm.Mamba2`` names them."""

_LAYER: Final = rf"layers\.(?P<layer>\d+)\.mamba\.(?:{'|'.join(map(re.escape, LAYER_WEIGHTS))})"

_PARTS: Final[Mapping[str, str]] = {
    "embeddings": r"embeddings\.weight",
    "stack": rf"(?:{_LAYER}|aggr\.(?:weight|bias))",
    "norm": r"norm_f\.weight",
    "head": r"lm_head\.(?:weight|bias)",
}
"""Fields of `Spelling`, and what follows the prefix."""

_PATTERNS: Final = {
    part: re.compile(rf"(?P<prefix>(?:[^.]+\.)*?)(?P<suffix>{pattern})")
    for part, pattern in _PARTS.items()
}

_OURS: Final = Spelling()


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPlan:
    """Which tensor becomes which weight."""

    keys: Mapping[str, str]
    """Name in the file of each weight, by its name in `genemamba.nn`."""

    spelling: Spelling
    """Prefixes of the file."""

    n_layer: int
    """Layers found."""

    has_aggr: bool
    """Whether there are the weights of a ``concat`` or ``gate`` fusion."""


@dataclass(frozen=True, slots=True)
class _Match:
    key: str
    part: str
    prefix: str
    suffix: str
    layer: int | None

    @property
    def name(self) -> str:
        return f"{getattr(_OURS, self.part)}{self.suffix}"


def plan_keys(keys: Iterable[str]) -> KeyPlan:
    """Match the names of a file's tensors to the weights of the model.

    Parameters
    ----------
    keys
        Names of all tensors.

    Raises
    ------
    SourceError
        A tensor is no weight of the model, two are the same one, or one is missing; all such are
        counted, and the first named.
    """
    keys = sorted(keys)
    matches = [match for key in keys if (match := _match(key))]
    _refuse_unmatched([key for key in keys if key not in {match.key for match in matches}])
    _refuse_doubled(matches)
    n_layer = 1 + max((match.layer for match in matches if match.layer is not None), default=-1)
    has_aggr = any(match.suffix.startswith("aggr") for match in matches)
    found = {match.name: match.key for match in matches}
    missing = [name for name in weight_names(max(1, n_layer), aggr=has_aggr) if name not in found]
    if missing:
        _refuse(missing, what="missing", remedy="Give the whole checkpoint, with its lm_head.")
    return KeyPlan(keys=found, spelling=_spelling(matches), n_layer=n_layer, has_aggr=has_aggr)


def weight_names(n_layer: int, *, aggr: bool) -> list[str]:
    """Return the names that the weights have here, in the order of the published table.

    Parameters
    ----------
    n_layer
        Layers of the model.
    aggr
        Whether it fuses by ``concat`` or ``gate``.
    """
    layers = [
        f"mamba_mixer.layers.{layer}.mamba.{weight}"
        for layer in range(n_layer)
        for weight in LAYER_WEIGHTS
    ]
    fusion = ["mamba_mixer.aggr.weight", "mamba_mixer.aggr.bias"] if aggr else []
    return [
        "embeddings.weight",
        *layers,
        *fusion,
        "norm_f.weight",
        "lm_head.weight",
        "lm_head.bias",
    ]


def spell(name: str, spelling: Spelling) -> str:
    """Return the name that a weight has in files of some spelling.

    Parameters
    ----------
    name
        One of `weight_names`.
    spelling
        Prefixes of the files.
    """
    match = _match(name)
    assert match is not None  # noqa: S101  # our own names match
    return f"{getattr(spelling, match.part)}{match.suffix}"


def _match(key: str) -> _Match | None:
    for part, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(key):
            layer = found.groupdict().get("layer")
            number = None if layer is None else int(layer)
            return _Match(key, part, found["prefix"], found["suffix"], number)
    return None


def _refuse_unmatched(keys: Sequence[str]) -> None:
    if not keys:
        return
    remedy = "Give a GeneMamba checkpoint without further heads, optimiser states or buffers."
    if any(re.search(r"layers\.\d+\.mixer\.", key) for key in keys):
        remedy = "This is the first GeneMamba, built on transformers' Mamba: another architecture."
    elif any(key.endswith((".x_proj.weight", ".dt_proj.weight")) for key in keys):
        remedy = "Its layers are Mamba, not Mamba-2: another architecture."
    _refuse(keys, what="unmatched", remedy=remedy)


def _refuse_doubled(matches: Sequence[_Match]) -> None:
    owners = Counter(match.name for match in matches)
    doubled = [match.key for match in matches if owners[match.name] > 1]
    if doubled:
        _refuse(doubled, what="doubled", remedy="Give a file with one model in it.")
    times = Counter((match.part, match.prefix) for match in matches)
    usual = dict(sorted(times, key=times.__getitem__))
    odd = [match.key for match in matches if match.prefix != usual[match.part]]
    if odd:
        _refuse(odd, what="under other prefixes", remedy="Give a file with one model in it.")


def _spelling(matches: Sequence[_Match]) -> Spelling:
    return Spelling(**{match.part: match.prefix for match in matches})


def _refuse(keys: Sequence[str], *, what: str, remedy: str) -> NoReturn:
    raise SourceError(
        expected="each tensor of the published GeneMamba once, and no others",
        found=f"{len(keys)} {what}: {', '.join(keys[:5])}{', ...' if len(keys) > 5 else ''}",
        remedy=remedy,
        rule=f"published-tensors-{what.partition(' ')[0]}",
        count=len(keys),
        examples=keys[:5],
    )
