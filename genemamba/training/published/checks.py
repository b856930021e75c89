"""Which layers of a checkpoint were never trained, or do nothing.

A version of the published code returned each layer's input unchanged. A model trained so learnt an
embedding and a head, and its layers are still as they were drawn. Two looks tell: weights that
start as one constant and still are, and whether a token moves the states of others.

Shape suffixes: L tokens, D model width.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from genemamba.findings import MAX_EXAMPLES, Finding
from genemamba.nn.block import EncoderLayer
from genemamba.nn.mixer import Mixer
from genemamba.nn.model import A_RANGE, DT_RANGE, GeneMamba

NEAR_INITIAL: Final = 1e-3
"""Spread below which a weight that starts as a constant counts as not trained. AdamW moves a weight
by about the learning rate a step: at the published 5e-5 this is twenty steps."""

PROBE_TOKENS: Final = 32
"""Tokens of the cell in which one is changed."""

MIN_REACH: Final = 1e-6
"""Of the change of one token, what other tokens must show of it at least; rounding of float32 leaves
an order less."""


@torch.no_grad()
def check_training(model: GeneMamba) -> list[Finding]:
    """Look for layers that were not trained and for layers that join no tokens.

    Parameters
    ----------
    model
        Just loaded, on the CPU.

    Returns
    -------
    A warning for each kind of fault, with the ranges of layers that have it.
    """
    mixers = _mixers(model)
    exact = [i for i, mixer in enumerate(mixers) if _spread(mixer) == 0]
    near = [i for i, mixer in enumerate(mixers) if 0 < _spread(mixer) < NEAR_INITIAL]
    apart = [i for i, reach in enumerate(_reaches(model)) if reach < MIN_REACH]
    findings = [
        _untrained(exact, mixers, how="exactly as they are drawn: D and the norm's gain are one"),
        _untrained(near, mixers, how=f"within {NEAR_INITIAL:g} of how they are drawn"),
        _finding(
            apart,
            rule="layers-join-nothing",
            message="a changed token moves no other one in {layers}",
            remedy="Expect embeddings of single genes; look for a checkpoint whose layers work.",
        ),
    ]
    return [finding for finding in findings if finding]


def layer_ranges(layers: Sequence[int]) -> list[str]:
    """Write sorted numbers of layers as ranges, such as ``0-5`` and ``8``.

    Parameters
    ----------
    layers
        Counted from 0.
    """
    ends = [i for i, (a, b) in enumerate(pairwise(layers)) if b != a + 1]
    starts = [0, *(end + 1 for end in ends)]
    stops = [*ends, len(layers) - 1]
    return [
        str(layers[a]) if a == b else f"{layers[a]}-{layers[b]}"
        for a, b in zip(starts, stops, strict=True)
        if layers
    ]


def _mixers(model: GeneMamba) -> list[Mixer]:
    return [layer.mamba for layer in _layers(model)]


def _layers(model: GeneMamba) -> list[EncoderLayer]:
    return [layer for layer in model.mamba_mixer.layers if isinstance(layer, EncoderLayer)]


def _spread(mixer: Mixer) -> float:
    """Return how far the weights that start as ones have moved apart, at most."""
    return max(float(weight.max() - weight.min()) for weight in (mixer.D, mixer.norm.weight))


def _untrained(layers: list[int], mixers: Sequence[Mixer], *, how: str) -> Finding | None:
    drawn = [i for i in layers if _is_drawn(mixers[i])]
    ranges = f"; decays and steps of {len(drawn)} lie in their initial ranges" if drawn else ""
    return _finding(
        layers,
        rule="layers-untrained",
        message=f"the weights of {{layers}} are {how}{ranges}",
        remedy="Expect no more of them than of random layers; the checkpoint may stem from a version"
        " of the code that returned each layer's input.",
    )


def _is_drawn(mixer: Mixer) -> bool:
    """Tell whether all decays and steps lie where ``mamba_ssm.Mamba2`` draws them."""
    dt_H = torch.nn.functional.softplus(mixer.dt_bias)
    return _lie_within(mixer.A_log.exp(), A_RANGE) and _lie_within(dt_H, DT_RANGE)


def _lie_within(t: Tensor, limits: tuple[float, float]) -> bool:
    low, high = limits
    return bool(((t >= 0.999 * low) & (t <= 1.001 * high)).all())


def _reaches(model: GeneMamba) -> list[float]:
    """Return, for each layer, how much of one token's change another token shows at most."""
    generator = torch.Generator().manual_seed(0)
    shape = (1, PROBE_TOKENS, model.config.d_model)
    h_1LD = torch.randn(shape, generator=generator)
    changed_1LD = h_1LD.clone()
    changed_1LD[:, PROBE_TOKENS // 2] = torch.randn(shape[2], generator=generator)
    change = (changed_1LD - h_1LD).norm()
    others = torch.arange(PROBE_TOKENS) != PROBE_TOKENS // 2
    reaches = []
    for mixer in _mixers(model):
        moved_LD = (mixer(changed_1LD) - mixer(h_1LD))[0, others]
        reaches.append(float(moved_LD.norm(dim=-1).max() / change))
    return reaches


def _finding(layers: list[int], *, rule: str, message: str, remedy: str) -> Finding | None:
    if not layers:
        return None
    ranges = layer_ranges(layers)
    named = f"layer{'s' if len(layers) > 1 else ''} {', '.join(ranges)}"
    sentence = message.format(layers=named)
    return Finding(
        rule=rule,
        severity="warning",
        message=f"{sentence[0].upper()}{sentence[1:]}.",
        count=len(layers),
        examples=tuple(ranges[:MAX_EXAMPLES]),
        remedy=remedy,
    )
