"""The rule that chooses a backend, and what it refuses."""

import importlib.util

import pytest
import torch

from genemamba.errors import ModelError
from genemamba.nn.backends.names import choose_backend

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def installed(monkeypatch):
    """Pretend that exactly these optional packages are installed."""

    def pretend(*names: str) -> None:
        known = {"openvino", "triton", "mamba_ssm"}
        find = importlib.util.find_spec

        def find_spec(name, *rest):
            if name in known:
                return object() if name in names else None
            return find(name, *rest)

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)
        monkeypatch.delenv("TRITON_INTERPRET", raising=False)

    return pretend


@pytest.mark.parametrize(
    ("device", "packages", "expected"),
    [
        (CPU, (), "torch"),
        (CPU, ("openvino",), "openvino"),
        (CPU, ("openvino", "triton", "mamba_ssm"), "openvino"),
        (CUDA, ("triton", "mamba_ssm"), "mamba_ssm"),
        (CUDA, ("openvino", "triton"), "torch"),
    ],
    ids=["cpu-bare", "cpu-openvino", "cpu-all", "cuda", "cuda-without"],
)
def test_auto_takes_what_the_rule_says(device, packages, expected, installed):
    installed(*packages)

    choice = choose_backend("auto", device=device, dtype=torch.float32)

    assert choice.name == expected
    assert choice.reason.startswith("auto: ")


@pytest.mark.parametrize(
    ("amx", "avx512_bf16", "expected"),
    [
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, False, torch.float32),
    ],
    ids=["amx", "avx512", "neither"],
)
def test_openvino_takes_bfloat16_where_the_processor_has_it(
    amx, avx512_bf16, expected, installed, monkeypatch
):
    installed("openvino")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)

    assert choose_backend("openvino", device=CPU).dtype == expected
    assert choose_backend("torch", device=CPU).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "device", "packages", "message"),
    [
        ("onnx", CPU, (), r"backend of auto, torch, torch-compile, openvino, mamba_ssm, found"),
        ("openvino", CPU, (), r"openvino missing\. Install .* 'genemamba-atlas\[openvino\]'|found it missing\. Install it with: pip install 'genemamba-atlas\[openvino\]'"),
        ("openvino", CUDA, ("openvino",), r"Expected the CPU for backend openvino, found device"),
        ("torch-compile", CUDA, (), r"Expected the CPU for backend torch-compile"),
        ("mamba_ssm", CPU, ("triton", "mamba_ssm"), r"Expected a CUDA device .* found 'cpu'"),
        ("mamba_ssm", CUDA, ("triton",), r"found mamba_ssm missing\. Install them, .* --no-deps"),
        ("mamba_ssm", CUDA, (), r"found triton and mamba_ssm missing"),
    ],
    ids=["unknown", "absent", "cuda", "compile-cuda", "no-cuda", "half", "none"],
)  # fmt: skip
def test_what_cannot_run_is_refused_with_a_remedy(name, device, packages, message, installed):
    installed(*packages)

    with pytest.raises(ModelError, match=message):
        choose_backend(name, device=device)


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")

    with pytest.raises(ModelError, match=r"Expected a C\+\+ compiler .* Install g\+\+"):
        choose_backend("torch-compile", device=CPU)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64], ids=["float16", "float64"])
def test_other_number_formats_are_refused(dtype):
    with pytest.raises(ModelError, match=r"Expected float32 or bfloat16, found float(16|64)"):
        choose_backend("torch", device=CPU, dtype=dtype)
