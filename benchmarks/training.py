"""What a training step takes: memory and time, with and without what saves memory."""

import ctypes
import gc
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import document, run_benchmark
from genemamba.nn import vocabulary_loss as vocabulary_module
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.vocabulary_loss import vocabulary_loss
from genemamba.training.micro_batches import MicroBatches

CPU = torch.device("cpu")
SEQLEN = 2048
MEDIAN_GENES = 850
VOCAB_SIZE = 25_426


def main() -> None:
    """Compare training steps in memory and time."""
    run_benchmark("training", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare training steps in memory and time.

    Memory is the growth of the process's resident set at its highest, over what it was before the
    step; time is process time. Ratios are of the plain step to the saving one.
    """
    repeats = 1 if quick else 3
    layers = compare(layer_steps(n_layer=4 if quick else 12), repeats=repeats)
    heads = compare(head_steps(n_tokens=1024 if quick else 4096), repeats=repeats)
    filled = padding(n_cells=500 if quick else 5000)
    ratios = {
        "memory_plain_vs_recomputed_layers": layers["plain"]["mib"] / layers["recomputed"]["mib"],
        "memory_plain_vs_micro_batches": layers["plain"]["mib"] / layers["micro_batches"]["mib"],
        "time_plain_vs_recomputed_layers": layers["plain"]["s"] / layers["recomputed"]["s"],
        "time_plain_vs_micro_batches": layers["plain"]["s"] / layers["micro_batches"]["s"],
        "memory_plain_vs_chunked_head": heads["plain"]["mib"] / heads["chunked"]["mib"],
        "time_plain_vs_chunked_head": heads["plain"]["s"] / heads["chunked"]["s"],
        **filled,
    }
    return document(ratios, {"layers": layers, "head": heads}, ["numpy", "torch"])


def layer_steps(*, n_layer: int) -> dict[str, Callable[[], object]]:
    """Return steps of one model, 256 wide, over 8 cells of 512 genes."""
    config = ModelConfig(vocab_size=1000, d_model=256, n_layer=n_layer, pre_norm=True)
    model = build_model(config, seed=0, device=CPU)
    input_ids_BL = torch.randint(2, 1000, (8, 512), generator=torch.Generator().manual_seed(0))

    def step(read: GeneMamba | MicroBatches, *, recomputed: bool) -> None:
        model.mamba_mixer.checkpoint_layers = recomputed
        model.zero_grad()
        read(
            input_ids_BL, torch.ones_like(input_ids_BL, dtype=torch.bool)
        ).square().sum().backward()

    return {
        "plain": lambda: step(model, recomputed=False),
        "recomputed": lambda: step(model, recomputed=True),
        "micro_batches": lambda: step(MicroBatches(model, rows_at_once=1), recomputed=False),
    }


def head_steps(*, n_tokens: int) -> dict[str, Callable[[], object]]:
    """Return the scoring of tokens over the published vocabulary, at once and in parts."""
    generator = torch.Generator().manual_seed(0)
    h_MD = torch.randn(n_tokens, 512, generator=generator, requires_grad=True)
    targets_M = torch.randint(VOCAB_SIZE, (n_tokens,), generator=generator)
    head = torch.nn.Linear(512, VOCAB_SIZE)

    def step(*, chunked: bool) -> None:
        vocabulary_module.CHUNKED_FROM = 0 if chunked else 2**62  # type: ignore[misc]
        head.zero_grad()
        h_MD.grad = None
        vocabulary_loss(h_MD, head, targets_M).backward()

    return {"plain": lambda: step(chunked=False), "chunked": lambda: step(chunked=True)}


def compare(steps: dict[str, Callable[[], object]], *, repeats: int) -> dict[str, dict[str, float]]:
    """Measure steps in turn: the median of their memory, MiB, and of their process time, s."""
    found: dict[str, dict[str, list[float]]] = {name: {"mib": [], "s": []} for name in steps}
    for function in steps.values():
        function()
    for _ in range(repeats):
        for name, function in steps.items():
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what was freed, for the next step
            Path("/proc/self/clear_refs").write_text("5")  # the highest is counted from here
            before, start = resident_mib("VmRSS"), time.process_time()
            function()
            found[name]["s"].append(time.process_time() - start)
            found[name]["mib"].append(resident_mib("VmHWM") - before)
    return {
        name: {unit: round(statistics.median(values), 3) for unit, values in units.items()}
        for name, units in found.items()
    }


def resident_mib(field: str) -> float:
    """Return a figure of this process's memory."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"{field}:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024


def padding(*, n_cells: int) -> dict[str, float]:
    """Return how many tokens are read for cells of a median of 850 genes, in ratios."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(np.log(MEDIAN_GENES), 0.5, n_cells).astype(int), 1, SEQLEN)
    shuffled = rng.permutation(lengths)[: n_cells // 16 * 16].reshape(-1, 16)
    in_order = np.sort(lengths)[: n_cells // 16 * 16].reshape(-1, 16)
    whole = n_cells * SEQLEN
    return {
        "tokens_full_width_vs_genes": whole / lengths.sum(),
        "tokens_full_width_vs_sorted": whole / (in_order.max(axis=1).sum() * 16),
        "tokens_full_width_vs_random_minibatches": whole / (shuffled.max(axis=1).sum() * 16),
    }


if __name__ == "__main__":
    main()
