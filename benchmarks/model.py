"""One bidirectional layer, a training step and whole models, against what else could be used."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import (
    RESULTS,
    document,
    median_process_seconds,
    median_seconds,
    run_benchmark,
)
from benchmarks.model_peers import (
    TransformerLayer,
    openvino_transformer,
    read_both_ways,
    transformers_mixer,
)
from genemamba.nn.backends.loading import Backend, load_backend
from genemamba.nn.backends.names import cxx_compiler
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.training.presets import load_preset

CPU = torch.device("cpu")
VOCABULARY = 25_426
SEQLEN = 2048
MEDIAN_GENES = 850
Timed = dict[str, Callable[[], object]]


def main() -> None:
    """Compare layers, training steps and models."""
    run_benchmark("model", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare layers, training steps and models.

    Layers are timed by the processor time of one thread, whole models by the clock with all cores.
    """
    torch.manual_seed(0)
    torch.set_num_threads(1)
    repeats = 3 if quick else 9
    model = one_layer_model()
    backends = layer_backends(model)
    ratios: dict[str, float] = {}
    detail: dict[str, Any] = {"d_model": 512, "d_state": 64, "seqlen": SEQLEN, "threads": 1}
    for part in (
        lambda: compare_layers(model, backends, repeats=repeats),
        lambda: compare_batch(model, backends["torch"], repeats=1 if quick else 3),
        lambda: compare_lengths(backends, repeats=repeats, quick=quick),
        lambda: compare_padding(backends["torch"], n_cells=8 if quick else 24, repeats=repeats),
        lambda: compare_training(repeats=2 if quick else 5),
        lambda: time_models(quick=quick),
    ):
        part_ratios, part_detail = part()
        ratios |= part_ratios
        detail |= part_detail
    if not quick:
        plot(detail["lengths"])
    return document(ratios, detail, ["torch", "transformers", "openvino", "numpy"])


def one_layer_model() -> GeneMamba:
    """Make a layer of the published width."""
    config = ModelConfig(vocab_size=1000, d_model=512, n_layer=1)
    return build_model(config, seed=0, device=CPU).requires_grad_(requires_grad=False)


def layer_backends(model: GeneMamba) -> dict[str, Backend]:
    """Load every backend for the CPU that this machine can run."""
    named = {
        "torch": ("torch", torch.float32),
        "openvino": ("openvino", torch.float32),
        "openvino_bf16": ("openvino", torch.bfloat16),
    }
    if cxx_compiler():
        named["torch_compile"] = ("torch-compile", torch.float32)
    return {
        key: load_backend(model, name, device=CPU, dtype=dtype)
        for key, (name, dtype) in named.items()
    }


def one_cell(backend: Backend, seqlen: int, *, n_cells: int = 1) -> Callable[[], object]:
    """Return a call of a backend on whole cells."""
    input_ids_BL = torch.randint(2, 1000, (n_cells, seqlen))
    mask_BL = torch.ones_like(input_ids_BL, dtype=torch.bool)
    return lambda: backend(input_ids_BL, mask_BL)


def compare_layers(
    model: GeneMamba, backends: dict[str, Backend], *, repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Time one cell through one layer, against both peers and the roofline."""
    mixer, layer = transformers_mixer(model), TransformerLayer(512).eval()
    h_BLD = torch.randn(1, SEQLEN, 512)
    timed: Timed = {
        "transformers_mamba2": inferring(lambda: read_both_ways(mixer, h_BLD)),
        "transformer_torch": inferring(lambda: layer(h_BLD)),
    }
    for name, precision in (("openvino", "f32"), ("openvino_bf16", "bf16")):
        request = openvino_transformer(layer, SEQLEN, precision=precision)
        timed[f"transformer_{name}"] = lambda request=request: request.infer([h_BLD.numpy()])
    timed |= {name: one_cell(backend, SEQLEN) for name, backend in backends.items()}
    timed |= gemm_calls()
    seconds = median_process_seconds(timed, repeats=repeats)
    peaks = {name: flop / seconds[name] for name, flop in gemm_flop().items()}
    flop = layer_flop() * SEQLEN
    ours = {name: seconds[name] for name in backends}
    reference = seconds["transformers_mamba2"]
    names = {
        "torch": "torch_one_sequence_vs_transformers_mamba2",
        "torch_compile": "torch_compile_one_sequence_vs_transformers_mamba2",
        "openvino": "openvino_vs_transformers_mamba2",
        "openvino_bf16": "openvino_bf16_vs_transformers_mamba2",
    }
    ratios = {names[name]: reference / value for name, value in ours.items()}
    ratios["vs_transformer_layer"] = seconds["transformer_openvino"] / ours["openvino"]
    for name in ("torch", "openvino_bf16"):
        ratios[f"vs_transformer_layer_{name}"] = seconds[f"transformer_{name}"] / ours[name]
    for name, value in ours.items():
        peak = peaks["gemm_bf16" if name.endswith("bf16") else "gemm_float32"]
        ratios[f"roofline_share_{name}"] = flop / value / peak
    detail = {
        "layer_ms": {name: round(1e3 * value, 2) for name, value in seconds.items()},
        "gemm_gflops": {name: round(peak / 1e9, 1) for name, peak in peaks.items()},
        "layer_mflop_per_token": round(layer_flop() / 1e6, 3),
    }
    return ratios, detail


def compare_batch(
    model: GeneMamba, backend: Backend, *, repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Time a minibatch of eight cells as a user would pass it."""
    mixer = transformers_mixer(model)
    h_BLD = torch.randn(8, SEQLEN, 512)
    seconds = median_process_seconds(
        {
            "transformers_mamba2": inferring(lambda: read_both_ways(mixer, h_BLD)),
            "torch": one_cell(backend, SEQLEN, n_cells=8),
        },
        repeats=repeats,
    )
    return (
        {"torch_vs_transformers_mamba2": seconds["transformers_mamba2"] / seconds["torch"]},
        {"batch_of_8_ms": {name: round(1e3 * value, 1) for name, value in seconds.items()}},
    )


def compare_lengths(
    backends: dict[str, Backend], *, repeats: int, quick: bool
) -> tuple[dict[str, float], dict[str, Any]]:
    """Time and weigh cells from 512 to 8,192 tokens, beside the transformer layer."""
    lengths = (512, 2048, 8192) if quick else (512, 1024, 2048, 4096, 8192)
    layer = TransformerLayer(512).eval()
    names = [name for name in ("torch", "openvino") if name in backends]
    rows: dict[str, dict[str, float]] = {}
    for seqlen in lengths:
        h_BLD = torch.randn(1, seqlen, 512)
        timed: Timed = {name: one_cell(backends[name], seqlen) for name in names}
        timed["transformer_torch"] = inferring(lambda h_BLD=h_BLD: layer(h_BLD))
        seconds = median_process_seconds(timed, repeats=max(3, repeats // 2))
        rows[str(seqlen)] = {
            f"{name}_us_per_token": 1e6 * s / seqlen for name, s in seconds.items()
        }
        for name in names:
            rows[str(seqlen)][f"{name}_kib_per_token"] = peak_bytes(timed[name]) / 1024 / seqlen
    ratios = {
        f"linear_{unit}_{name}": spread([row[f"{name}_{column}"] for row in rows.values()])
        for name in names
        for unit, column in (("time", "us_per_token"), ("memory", "kib_per_token"))
    }
    rounded = {
        seqlen: {name: round(value, 3) for name, value in row.items()}
        for seqlen, row in rows.items()
    }
    return ratios, {"lengths": rounded}


def compare_padding(
    backend: Backend, *, n_cells: int, repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Time cells with a median of 850 genes at their own lengths, and filled up to 2,048."""
    drawn = np.random.default_rng(0).lognormal(np.log(MEDIAN_GENES), 0.35, 10_000)
    lengths = np.quantile(drawn.clip(max=SEQLEN), (np.arange(n_cells) + 0.5) / n_cells).astype(int)
    input_ids_BL = torch.randint(2, 1000, (n_cells, SEQLEN))
    mask_BL = torch.arange(SEQLEN) < torch.from_numpy(lengths)[:, None]
    everything_BL = torch.ones_like(mask_BL)
    seconds = median_process_seconds(
        {
            "padding_free": lambda: backend(input_ids_BL, mask_BL),
            "padded": lambda: backend(input_ids_BL, everything_BL),
        },
        repeats=max(2, repeats // 3),
    )
    return (
        {"padding_free_vs_padded": seconds["padded"] / seconds["padding_free"]},
        {"padding": {"median_genes": int(np.median(lengths)), "n_cells": n_cells}},
    )


def compare_training(*, repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Time forward and backward of a layer: compiled in bf16, against an eager transformer's."""
    config = ModelConfig(vocab_size=1000, d_model=512, n_layer=1)
    stack = build_model(config, seed=0, device=CPU).mamba_mixer
    layer = TransformerLayer(512)
    h_BLD = torch.randn(2, SEQLEN, 512, requires_grad=True)
    mask_BL = torch.ones(2, SEQLEN, dtype=torch.bool)
    compiled = torch.compile(stack) if cxx_compiler() else stack

    def ours(run: Callable[..., torch.Tensor]) -> Callable[[], object]:
        def step() -> None:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                h = run(h_BLD, mask_BL)
            h.float().square().mean().backward()

        return step

    seconds = median_process_seconds(
        {
            "transformer_float32": lambda: layer(h_BLD).square().mean().backward(),
            "ours_bf16_compiled": ours(compiled),
            "ours_bf16": ours(stack),
        },
        repeats=repeats,
    )
    return (
        {
            "train_step_vs_transformer_layer": seconds["transformer_float32"]
            / seconds["ours_bf16_compiled"]
        },
        {"train_step_ms": {name: round(1e3 * value) for name, value in seconds.items()}},
    )


def time_models(*, quick: bool) -> tuple[dict[str, float], dict[str, Any]]:
    """Time whole models by the clock, with all cores, and state the time for 10,000 cells."""
    torch.set_num_threads(cores())
    peaks = median_seconds(gemm_calls(), repeats=5)
    found: dict[str, Any] = {"threads": cores()}
    ratios = {}
    for preset, seqlen, n_cells in (("base", SEQLEN, 1), ("small", 256, 16)):
        config = load_preset(preset, vocab_size=VOCABULARY).model
        model = build_model(config, seed=0, device=CPU).requires_grad_(requires_grad=False)
        for key, name, dtype in (
            ("torch", "torch", torch.float32),
            ("openvino", "openvino", torch.float32),
            ("openvino_bf16", "openvino", torch.bfloat16),
        ):
            call = one_cell(
                load_backend(model, name, device=CPU, dtype=dtype), seqlen, n_cells=n_cells
            )
            seconds = median_seconds({key: call}, repeats=1 if quick else 5)[key] / n_cells
            found[f"{preset}_{key}"] = {
                "seqlen": seqlen,
                "cells_per_s": round(1 / seconds, 3),
                "minutes_for_10000_cells": round(10_000 * seconds / 60, 1),
            }
            if preset == "base":
                gemm = "gemm_bf16" if key.endswith("bf16") else "gemm_float32"
                ceiling = gemm_flop()[gemm] / peaks[gemm] / (layer_flop() * SEQLEN * config.n_layer)
                found[f"base_{key}"]["ceiling_cells_per_s"] = round(ceiling, 3)
                ratios[f"base_share_of_ceiling_{key}"] = 1 / seconds / ceiling
    return ratios, {"models": found}


def layer_flop() -> float:
    """Count the floating-point operations of a layer's matrix products, for one token."""
    d_model, d_inner, d_state, nheads, block = 512, 1024, 64, 16, 64
    projections = 2 * d_model * (2 * d_inner + 2 * d_state + nheads) + 2 * d_inner * d_model
    one_way = 2 * block * d_state + 2 * block * d_inner + 4 * d_state * d_inner
    return projections + 2 * one_way


def gemm_calls() -> Timed:
    """Return the matrix products whose speed counts as the peak."""
    left, right = torch.randn(2048, 2048), torch.randn(2048, 2048)
    low_left, low_right = left.bfloat16(), right.bfloat16()
    return {
        "gemm_float32": lambda: left @ right,
        "gemm_bf16": lambda: [low_left @ low_right for _ in range(8)],
    }


def gemm_flop() -> dict[str, float]:
    """Return the operations of each of `gemm_calls`."""
    return {"gemm_float32": 2 * 2048**3, "gemm_bf16": 8 * 2 * 2048**3}


def inferring(function: Callable[[], object]) -> Callable[[], object]:
    """Let torch keep nothing for a gradient."""

    def run() -> object:
        with torch.inference_mode():
            return function()

    return run


def peak_bytes(function: Callable[[], object]) -> float:
    """Return by how much a call raises the resident memory at most, on Linux."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmRSS")
    function()
    return _status_bytes("VmHWM") - before


def _status_bytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * float(next(line for line in lines if line.startswith(field)).split()[1])


def spread(values: list[float]) -> float:
    """Return the least as a share of the greatest: 1 where all are equal."""
    return min(values) / max(values) if max(values) > 0 else 0.0


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def plot(lengths: dict[str, dict[str, float]]) -> None:
    """Draw time and memory per token over the length."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    x = [int(seqlen) for seqlen in lengths]
    for axes, suffix, title in (
        (left, "_us_per_token", "processor time per token (µs)"),
        (right, "_kib_per_token", "peak memory per token (KiB)"),
    ):
        for column in next(iter(lengths.values())):
            if column.endswith(suffix):
                label = column.removesuffix(suffix).replace("_", " ")
                axes.plot(x, [row[column] for row in lengths.values()], marker="o", label=label)
        axes.set(xscale="log", xticks=x, xticklabels=x, xlabel="tokens of a cell", title=title)
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / "model_lengths.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
