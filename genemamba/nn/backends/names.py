"""Which backends there are, how equal they are, and how one is chosen.

The rule of ``auto``, whose outcome and reason are logged and kept in the `Choice`:

1. On a CUDA device ``mamba_ssm`` where it can be imported, else ``torch``.
2. On the CPU ``openvino`` where it is installed, else ``torch``.
3. Where no number format is asked for, ``openvino`` takes bfloat16 on a CPU that multiplies in it
   (AMX or AVX512_BF16) and float32 on any other; ``mamba_ssm`` takes bfloat16 where the device has
   it; ``torch`` takes float32.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, get_args

import torch

from genemamba.errors import ModelError

BackendName = Literal["torch", "torch-compile", "openvino", "mamba_ssm"]
"""Every backend."""

BACKENDS: Final = get_args(BackendName)
"""Names of every backend."""

AUTO: Final = "auto"
"""Stands for the backend that the rule gives."""

TOLERANCES: Final[Mapping[torch.dtype, float]] = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Largest difference of a token state from that of ``torch`` in float32, as a share of the largest
state: after two layers it is 1e-6 in float32 and 5e-3 in bfloat16, and it grows with the layers."""


class Choice(NamedTuple):
    """A backend, and why it is this one."""

    name: BackendName
    dtype: torch.dtype
    """Of the matrix products; steps and decays are in float32 in any case."""
    reason: str
    """One sentence, for the record."""


def choose_backend(
    name: str = AUTO, *, device: torch.device, dtype: torch.dtype | None = None
) -> Choice:
    """Decide what runs a model; nothing that was asked for is replaced by something else.

    Parameters
    ----------
    name
        One of `BACKENDS`, or `AUTO`.
    device
        Where the model is to run.
    dtype
        Number format; None leaves it to the rule.

    Raises
    ------
    ModelError
        There is no such backend; it is not installed, or not for the device; or the number format
        is one that it does not compute in.
    """
    if name != AUTO and name not in BACKENDS:
        msg = f"Expected a backend of {', '.join((AUTO, *BACKENDS))}, found {name!r}."
        raise ModelError(msg)
    chosen, reason = _by_rule(device) if name == AUTO else (name, "asked for by name")
    backend: BackendName = next(known for known in BACKENDS if known == chosen)
    if obstacle := _OBSTACLES[backend](device):
        raise ModelError(obstacle)
    if dtype is None:
        dtype, why = _dtype_by_rule(backend, device)
        reason = f"{reason}; {why}"
    if dtype not in TOLERANCES:
        msg = (
            f"Expected float32 or bfloat16, found {str(dtype).removeprefix('torch.')}: "
            "the decays of the scan leave the range of float16. Choose bfloat16."
        )
        raise ModelError(msg)
    return Choice(backend, dtype, reason)


def obstacle_to(name: BackendName, device: torch.device) -> str | None:
    """Say why a backend cannot run on a device, and what to do; None where it can.

    Parameters
    ----------
    name
        Of the backend.
    device
        Where it is to run.
    """
    return _OBSTACLES[name](device)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Say whether a device has instructions for products of bfloat16.

    Parameters
    ----------
    device
        A CPU or a CUDA device.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _by_rule(device: torch.device) -> tuple[str, str]:
    preferred = "mamba_ssm" if device.type == "cuda" else "openvino"
    if obstacle := _OBSTACLES[preferred](device):
        return "torch", f"auto: {preferred} cannot be used here ({obstacle.split('. ')[0]})"
    return preferred, f"auto: the fastest on a {device.type} device, and it is installed"


def _dtype_by_rule(name: BackendName, device: torch.device) -> tuple[torch.dtype, str]:
    if name in ("torch", "torch-compile"):
        return torch.float32, "float32 unless another format is asked for"
    if multiplies_bfloat16(device):
        return torch.bfloat16, f"bfloat16, which this {device.type} device multiplies in"
    return torch.float32, f"float32, since this {device.type} device lacks bfloat16"


def _torch_obstacle(_device: torch.device) -> str | None:
    return None


def _compile_obstacle(device: torch.device) -> str | None:
    if device.type != "cpu":
        return (
            f"Expected the CPU for backend torch-compile, found device {device.type!r}. "
            "Choose mamba_ssm or torch there."
        )
    if cxx_compiler() is None:
        return (
            "Expected a C++ compiler for backend torch-compile, found none. Install g++ "
            "(apt-get install g++) or name one in the environment variable CXX, or choose "
            "openvino or torch."
        )
    return None


def _openvino_obstacle(device: torch.device) -> str | None:
    if device.type != "cpu":
        return (
            f"Expected the CPU for backend openvino, found device {device.type!r}. "
            "Choose mamba_ssm or torch there."
        )
    if importlib.util.find_spec("openvino") is None:
        return (
            "Expected the package openvino for backend openvino, found it missing. "
            "Install it with: pip install 'genemamba-atlas[openvino]'"
        )
    return None


def _mamba_ssm_obstacle(device: torch.device) -> str | None:
    if device.type != "cuda" and not interprets_triton():
        return (
            f"Expected a CUDA device for backend mamba_ssm, found {device.type!r}. "
            "Choose openvino or torch there."
        )
    missing = [name for name in ("triton", "mamba_ssm") if importlib.util.find_spec(name) is None]
    if missing:
        return (
            f"Expected the packages triton and mamba_ssm for backend mamba_ssm, found "
            f"{' and '.join(missing)} missing. Install them, which needs no nvcc, with: "
            "pip install triton einops && MAMBA_SKIP_CUDA_BUILD=TRUE MAMBA_FORCE_BUILD=TRUE "
            "pip install --no-deps --no-build-isolation mamba-ssm"
        )
    return None


_OBSTACLES: Final[Mapping[str, Callable[[torch.device], str | None]]] = {
    "torch": _torch_obstacle,
    "torch-compile": _compile_obstacle,
    "openvino": _openvino_obstacle,
    "mamba_ssm": _mamba_ssm_obstacle,
}


def cxx_compiler() -> str | None:
    """Return the path of the C++ compiler that torch would call, None where there is none."""
    if named := os.environ.get("CXX"):
        return shutil.which(named)
    return next(filter(None, map(shutil.which, ("g++", "clang++"))), None)


def interprets_triton() -> bool:
    """Say whether Triton's kernels run in its interpreter, which needs no GPU."""
    return os.environ.get("TRITON_INTERPRET") == "1"
