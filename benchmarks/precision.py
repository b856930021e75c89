"""What numbers of fewer bits gain at inference, and what they do to embeddings."""

import copy
import dataclasses
import os
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import REPEATS, document, run_benchmark
from genemamba.annotation.head import transfer
from genemamba.annotation.linear_probe import fit_probe
from genemamba.inference.embedding import embed_tokens
from genemamba.inference.encoder import Encoder, open_encoder
from genemamba.nn.backends.names import multiplies_bfloat16
from genemamba.nn.config import ModelConfig
from genemamba.nn.model import GeneMamba, build_model
from genemamba.tokens.minibatch import Minibatch
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.presets import load_preset
from genemamba.training.pretrain import pretrain

CPU = torch.device("cpu")
DATA = Path(os.environ.get("GENEMAMBA_DATA", Path(__file__).parent.parent.parent / "shared/data"))
N_CELLS = 3_000
TRAINING_SHARE = 0.5
SPEED_SEQLEN = 1024
SPEED_LAYERS = 6


def main() -> None:
    """Compare bf16 and int8 with fp32."""
    run_benchmark("precision", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare bf16 and int8 with fp32.

    Speed is process time of layers as wide as the published ones; what it costs is measured on
    the embeddings and the linear probe of a model trained on labelled PBMC. int8 is torch's dynamic quantisation: weights of 8 bits, inputs quantised at each call.
    """
    torch.set_num_threads(1)
    seconds = time_formats(repeats=3 if quick else REPEATS)
    quality = measure_quality(steps=50 if quick else 300, n_cells=600 if quick else N_CELLS)
    ratios = {
        f"{name}_vs_fp32_speed": seconds["fp32"] / value
        for name, value in seconds.items()
        if name != "fp32"
    }
    detail = {
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "shape": f"{SPEED_LAYERS} layers of 512, {SPEED_SEQLEN} tokens, one thread",
        "quality": quality,
        "projection_weight_bytes": {"fp32": 4, "bf16": 2, "int8": 1},
    }
    return document(ratios, detail, ["numpy", "torch"])


def time_formats(*, repeats: int) -> dict[str, float]:
    """Return the median process seconds of one cell in every format, taken in turn."""
    config = ModelConfig(vocab_size=25_427, d_model=512, n_layer=SPEED_LAYERS)
    encoders = formats(build_model(config, seed=0, device=CPU))
    input_ids = torch.randperm(25_000, generator=torch.Generator().manual_seed(0))[:SPEED_SEQLEN]
    minibatch = Minibatch(input_ids[None] + 2, torch.ones(1, SPEED_SEQLEN, dtype=torch.bool))
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for repeat in range(repeats + 1):
        for name, encoder in encoders.items():
            start = time.process_time()
            encoder(minibatch)
            if repeat:
                seconds[name].append(time.process_time() - start)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def formats(model: GeneMamba) -> Mapping[str, Encoder]:
    """Open one model in every format that works here."""
    found = {"fp32": open_encoder(model, device=CPU), "int8": open_int8(model)}
    if multiplies_bfloat16(CPU):
        found["bf16"] = open_encoder(model, device=CPU, precision="bf16")
    return found


def open_int8(model: GeneMamba) -> Encoder:
    """Quantise the projections of every layer, where nearly all the work is."""
    names = [name for name, _ in model.named_modules() if name.endswith((".in_proj", ".out_proj"))]
    scheme = torch.ao.quantization.per_channel_dynamic_qconfig
    with warnings.catch_warnings():
        # Torch is moving this to another package, for which it is no reason to install it here.
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(model).eval(), dict.fromkeys(names, scheme), dtype=torch.qint8
        )
    exact = open_encoder(model, device=CPU)

    def forward(input_ids_BL: Tensor, mask_BL: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            states: Tensor = small(input_ids_BL, mask_BL)
        return states

    return Encoder(
        forward=forward,
        device=CPU,
        d_model=exact.d_model,
        tokens_per_block=exact.tokens_per_block,
    )


def measure_quality(*, steps: int, n_cells: int) -> dict[str, Any]:
    """Train a small model on PBMC and compare the embeddings and probes of every format."""
    cells = read_cells(n_cells)
    if cells is None:
        return {"skipped": f"no pbmc_multistudy.h5ad in {DATA}"}
    genes = cells.var_names.tolist()
    vocabulary = Vocabulary.from_counts(cells.X, genes)
    preset = load_preset("small", vocab_size=vocabulary.size)
    training = dataclasses.replace(preset.training, steps=steps)
    tokens = rank_tokens(cells.X, vocabulary, genes, seqlen=training.seqlen)
    model = pretrain(tokens, vocabulary, preset.model, training, device=CPU).model
    labels = cells.obs["cell_type"].to_numpy(dtype=object)
    return compare(formats(model), tokens, labels)


def read_cells(n_cells: int) -> ad.AnnData | None:
    """Draw cells whose labels are known: sorted ones, and the authors' clusters."""
    path = DATA / "pbmc_multistudy.h5ad"
    if not path.exists():
        return None
    backed = ad.read_h5ad(path, backed="r")
    rows = np.flatnonzero(~backed.obs["label_source"].astype(str).str.contains("pred"))
    drawn = np.random.default_rng(0).choice(rows, n_cells, replace=False)
    return backed[np.sort(drawn)].to_memory()


def compare(
    encoders: Mapping[str, Encoder], tokens: TokenSet, labels: NDArray[np.object_]
) -> dict[str, Any]:
    """Return, by format, likeness to fp32 and the accuracy of a probe on held-out cells."""
    embeddings = {name: embed_tokens(encoder, tokens) for name, encoder in encoders.items()}
    exact = embeddings["fp32"]
    is_training = np.random.default_rng(1).random(len(labels)) < TRAINING_SHARE
    spread = np.linalg.norm(exact - exact.mean(axis=0))
    found = {}
    for name, embedding in embeddings.items():
        norms = np.linalg.norm(embedding, axis=1) * np.linalg.norm(exact, axis=1)
        cosine = (embedding * exact).sum(axis=1) / norms
        probe = fit_probe(embedding[is_training], labels[is_training], seed=0)
        predicted = transfer(probe, embedding[~is_training], threshold=0).labels
        found[name] = {
            "cosine_min": round(float(cosine.min()), 6),
            "cosine_median": round(float(np.median(cosine)), 6),
            "error_vs_spread": round(float(np.linalg.norm(embedding - exact) / spread), 5),
            "probe_accuracy": round(float(np.mean(predicted == labels[~is_training])), 4),
        }
    return {"n_cells": len(labels), "by_format": found}


if __name__ == "__main__":
    main()
