"""What a published model is, told from the shapes of its tensors.

Shape letters: V vocabulary, D model width, I inner channels, H heads, N state, K taps.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

import torch

from genemamba.errors import ModelError, SourceError
from genemamba.nn.config import Fusion, ModelConfig, Padding
from genemamba.nn.model import GeneMamba
from genemamba.training.published.names import KeyPlan

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each weight by its name in `genemamba.nn`."""

PUBLISHED_VOCABULARY: Final = 25_426
"""Tokens of the published models: two special ones and the genes of Geneformer V1."""


class Size(NamedTuple):
    """Layers and width of a model."""

    n_layer: int
    """Bidirectional layers."""
    d_model: int
    """Width."""


class Totals(NamedTuple):
    """Parameters in all, by kind of fusion."""

    linear: int
    """With ``mean`` or ``sum``."""
    learnt: int
    """With ``concat`` or ``gate``, which have weights of their own."""


PUBLISHED_TOTALS: Final[Mapping[Size, Totals]] = {
    Size(24, 512): Totals(65_744_338, 66_269_138),
    Size(24, 768): Totals(127_055_122, 128_235_538),
    Size(48, 512): Totals(105_426_514, 105_951_314),
    Size(48, 768): Totals(215_029_714, 216_210_130),
}
"""Sizes of which checkpoints are known or named, with `PUBLISHED_VOCABULARY` tokens. The first is
the released one, "65.7M" in print; all follow from ``models.py``."""


def infer_config(
    shapes: Shapes, plan: KeyPlan, *, fusion: Fusion, padding: Padding, row_seqlen: int | None
) -> ModelConfig:
    """Read the model's configuration off its tensors, and check that they all fit it.

    Parameters
    ----------
    shapes
        Of every weight.
    plan
        From `genemamba.training.published.names.plan_keys`.
    fusion
        How directions are joined, which shapes tell only in part.
    padding, row_seqlen
        As for `ModelConfig`.

    Raises
    ------
    SourceError
        Shapes contradict each other; every tensor that does not fit the rest is counted, and the
        first named.
    """
    try:
        config = _config(shapes, plan, fusion=fusion, padding=padding, row_seqlen=row_seqlen)
    except (ValueError, ZeroDivisionError, ModelError) as error:
        raise SourceError(
            expected="tensors of the shapes of Mamba-2 layers",
            found=f"others ({error})",
            remedy="Give a checkpoint of GeneMamba, unchanged.",
            rule="published-shapes",
        ) from error
    with torch.device("meta"):
        wanted = {n: tuple(weight.shape) for n, weight in GeneMamba(config).state_dict().items()}
    wrong = [name for name in wanted if wanted[name] != shapes[name]]
    if wrong:
        first = wrong[0]
        raise SourceError(
            expected=f"{plan.keys[first]} of shape {wanted[first]}, as the others have it",
            found=f"{shapes[first]}" + (f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
            remedy="Give a checkpoint of GeneMamba, unchanged.",
            rule="published-shapes",
            count=len(wrong),
            examples=[plan.keys[name] for name in wrong[:5]],
        )
    return config


def published_total(config: ModelConfig) -> int | None:
    """Return the parameters that a published size has; None where the size is not a published one.

    Parameters
    ----------
    config
        Of the model; its vocabulary may have one token more than the published one.
    """
    totals = PUBLISHED_TOTALS.get(Size(config.n_layer, config.d_model))
    further = config.vocab_size - PUBLISHED_VOCABULARY
    if totals is None or further not in (0, 1):
        return None
    total = totals.learnt if config.fusion in ("concat", "gate") else totals.linear
    # A further token has a row in both tables and a bias.
    return total + further * (2 * config.d_model + 1)


def check_total(config: ModelConfig, n_parameters: int) -> bool:
    """Compare the parameters of a published size with the printed total.

    Parameters
    ----------
    config
        Of the model.
    n_parameters
        Counted in the file.

    Returns
    -------
    True where the total was compared, False where the size is not a published one.

    Raises
    ------
    SourceError
        The total is another one.
    """
    total = published_total(config)
    if total is not None and total != n_parameters:
        raise SourceError(
            expected=f"{total:,} parameters in {config.n_layer} layers {config.d_model} wide",
            found=f"{n_parameters:,} (state {config.d_state}, {config.nheads} heads)",
            remedy="Give a published checkpoint; this one has layers of another shape.",
            rule="published-total",
        )
    return total is not None


def _config(
    shapes: Shapes, plan: KeyPlan, *, fusion: Fusion, padding: Padding, row_seqlen: int | None
) -> ModelConfig:
    vocab_size, d_model = shapes["embeddings.weight"]
    _, d_inner = _usual(shapes, plan, "out_proj.weight")
    (nheads,) = _usual(shapes, plan, "A_log")
    rows, _ = _usual(shapes, plan, "in_proj.weight")
    _, _, d_conv = _usual(shapes, plan, "conv1d.weight")
    return ModelConfig(
        vocab_size=vocab_size,
        d_model=d_model,
        n_layer=plan.n_layer,
        # in_proj gives z and x (I each), B and C (N each), and dt (H).
        d_state=_whole(rows - 2 * d_inner - nheads, 2),
        d_conv=d_conv,
        expand=_whole(d_inner, d_model),
        headdim=_whole(d_inner, nheads),
        fusion=fusion,
        padding=padding,
        row_seqlen=row_seqlen,
    )


def _usual(shapes: Shapes, plan: KeyPlan, weight: str) -> tuple[int, ...]:
    """Return the shape that most layers have, so that a single wrong tensor can be named."""
    found = Counter(
        shapes[f"mamba_mixer.layers.{layer}.mamba.{weight}"] for layer in range(plan.n_layer)
    )
    return found.most_common(1)[0][0]


def _whole(value: int, divisor: int) -> int:
    quotient, remainder = divmod(value, divisor)
    if remainder:
        msg = f"{value} is no multiple of {divisor}"
        raise ValueError(msg)
    return quotient
