"""Number formats in which a trained model can compute, and where each of them may be used."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import torch

from genemamba.errors import ModelError
from genemamba.nn.backends.names import multiplies_bfloat16

Precision = Literal["fp32", "bf16"]
"""``fp32`` computes as the model was trained. ``bf16`` keeps the weights of the mixers in bfloat16,
with the range of float32 and 8 bits of its 24; embeddings, step sizes, decays, what lies between
the layers and the mean over a cell's genes stay in float32. benchmarks/precision.py has the speed of each and what it does to embeddings;
weights of 8 bits are no choice, since they gained less than bf16 and lost more."""

PRECISIONS: Final = get_args(Precision)
"""Every `Precision`."""

DTYPES: Final[Mapping[Precision, torch.dtype]] = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Type of the numbers of each."""


def check_precision(precision: str, *, device: torch.device) -> None:
    """Refuse a number format that is unknown, or that a device would only imitate.

    Parameters
    ----------
    precision
        A `Precision`.
    device
        Where the model is to run.

    Raises
    ------
    ModelError
        There is no such format, or the device has no instructions for it.
    """
    if precision not in PRECISIONS:
        msg = f"Expected a precision of {', '.join(PRECISIONS)}, found {precision!r}."
        raise ModelError(msg)
    if precision == "bf16" and not multiplies_bfloat16(device):
        msg = (
            f"Expected a device that multiplies in bf16, found {device.type!r} without "
            "(a CPU needs AVX512_BF16 or AMX), where it would be slower than fp32. "
            "Use precision fp32."
        )
        raise ModelError(msg)
