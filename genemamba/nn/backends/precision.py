"""The fastest float32 matrix products that are still float32."""

import functools
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch

MAX_ERROR: Final = 1e-5
"""Of a product relative to its largest element: float32 gives 1e-6, bfloat16 gives 2e-3."""


@contextmanager
def fast_float32() -> Iterator[None]:
    """Let torch multiply float32 matrices by the faster of its libraries within the block.

    Torch's ``medium`` precision sends them to oneDNN, which on AMD processors is about twice as
    fast as MKL (240 against 105 GFLOP/s on a core of Zen 5). On processors with AMX the same
    setting rounds them to bfloat16, so it is only used where a product shows that it does not.
    """
    if not _medium_is_float32():
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@functools.cache
def _medium_is_float32() -> bool:
    if "AuthenticAMD" not in _cpu_vendor():
        return False
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(256, 256, generator=generator) for _ in range(2))
    exact = left.double() @ right.double()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        error = (left @ right - exact).abs().max() / exact.abs().max()
    finally:
        torch.set_float32_matmul_precision(before)
    return float(error) < MAX_ERROR


def _cpu_vendor() -> str:
    try:
        return next(
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if "vendor_id" in line
        )
    except (OSError, StopIteration):
        return platform.processor()
