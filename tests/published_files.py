"""Checkpoints of the published form, built from its table of names and shapes, and run as published.

Nothing here uses the model of this project: it is what that one is held against.
"""

import gzip
import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional

LAYER = "mamba_mixer.layers.{}.mamba."


def gene_names(n: int) -> list[str]:
    return [f"ENSG{i:011d}" for i in range(n)]


def published_tensors(
    *, n_layer=2, d_model=64, d_state=64, n_tokens=22, fusion="mean", seed=0
) -> dict[str, Tensor]:
    """Draw weights that look trained, under the original names."""
    generator = torch.Generator().manual_seed(seed)
    d_inner, nheads = 2 * d_model, 2 * d_model // 64
    d_conv_in = d_inner + 2 * d_state

    def normal(*shape, std):
        return std * torch.randn(*shape, generator=generator)

    def uniform(*shape, low, high):
        return low + (high - low) * torch.rand(*shape, generator=generator)

    tensors = {"embeddings.weight": normal(n_tokens, d_model, std=1.0)}
    for layer in range(n_layer):
        dt = uniform(nheads, low=math.log(1e-3), high=math.log(0.1)).exp()
        weights = {
            "dt_bias": dt + torch.log(-torch.expm1(-dt)) + normal(nheads, std=0.1),
            "A_log": uniform(nheads, low=1, high=16).log() + normal(nheads, std=0.1),
            "D": 1 + normal(nheads, std=0.1),
            "in_proj.weight": normal(2 * d_inner + 2 * d_state + nheads, d_model, std=0.1),
            "conv1d.weight": normal(d_conv_in, 1, 4, std=0.3),
            "conv1d.bias": normal(d_conv_in, std=0.1),
            "norm.weight": 1 + normal(d_inner, std=0.1),
            "out_proj.weight": normal(d_model, d_inner, std=0.1),
        }
        tensors |= {LAYER.format(layer) + name: weight for name, weight in weights.items()}
    if fusion in ("concat", "gate"):
        tensors["mamba_mixer.aggr.weight"] = normal(d_model, 2 * d_model, std=0.1)
        tensors["mamba_mixer.aggr.bias"] = normal(d_model, std=0.1)
    tensors["norm_f.weight"] = 1 + normal(d_model, std=0.1)
    tensors["lm_head.weight"] = normal(n_tokens, d_model, std=0.1)
    tensors["lm_head.bias"] = normal(n_tokens, std=0.1)
    return tensors


def huggingface_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put the backbone under the name of the model type, as classes with a head do."""
    return {
        name if name.startswith("lm_head.") else f"genemamba.{name}": tensor
        for name, tensor in tensors.items()
    }


def write_published(
    folder: Path,
    tensors: dict[str, Tensor],
    *,
    genes: Sequence[str] | None = None,
    kind="original",
    fusion="mean",
    further=(),
    vocabulary=True,
) -> Path:
    """Write a folder as published, and a table of medians beside it."""
    folder.mkdir(parents=True)
    embeddings = next(t for name, t in tensors.items() if name.endswith("embeddings.weight"))
    n_tokens, d_model = embeddings.shape
    genes = genes or gene_names(n_tokens - 2 - len(further))
    layers = [int(name.split("layers.")[1].split(".")[0]) for name in tensors if "layers." in name]
    config = {
        "original": {
            "d_model": d_model,
            "mamba_layer": max(layers) + 1,
            "mode": fusion,
            "vocab_size": n_tokens,
        },
        "huggingface": {
            "architectures": ["GeneMambaForMaskedLM"],
            "embedding_pooling": "mean",
            "hidden_size": d_model,
            "max_position_embeddings": 48,
            "mode": fusion,
            "num_hidden_layers": max(layers) + 1,
            "vocab_size": n_tokens,
        },
    }[kind]
    names = ["[UNK]", "[PAD]", *genes, *further]
    added = [
        {"id": names.index(name), "content": name, "special": True, "single_word": False,
         "lstrip": False, "rstrip": False, "normalized": False}
        for name in ("[UNK]", "[PAD]", *further)
    ]  # fmt: skip
    model = {
        "type": "WordLevel",
        "vocab": {name: token for token, name in enumerate(names)},
        "unk_token": "[UNK]",
    }
    (folder / "tokenizer.json").write_text(
        json.dumps({"version": "1.0", "added_tokens": added, "model": model})
    )
    (folder / "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    if vocabulary:
        write_table(folder / "vocabulary.tsv.gz", genes)
    return folder


def median(token: int) -> float:
    """Return a median for each gene such that no two counts of different genes tie."""
    return 1 + math.log(token)


def write_table(path: Path, genes: Sequence[str]) -> Path:
    """Write tokens and medians as Geneformer's table has them, with its names of special tokens."""
    rows = ["ensembl_id\ttoken_id\tmedian_nonzero", "<pad>\t0\t", "<mask>\t1\t"]
    rows += [f"{gene}\t{token}\t{median(token)}" for token, gene in enumerate(genes, start=2)]
    text = "\n".join(rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def published_states(tensors: dict[str, Tensor], input_ids_BL: Tensor, *, fusion: str) -> Tensor:
    """Run the published model with transformers' Mamba-2: both directions, fused after each layer.

    No mask: the flip is plain, and what is padding is read like a gene.
    """
    h_BLD = tensors["embeddings.weight"][input_ids_BL]
    for mixer in _mixers_of_transformers(tensors):
        forward_BLD = mixer(h_BLD) + h_BLD
        flipped_BLD = h_BLD.flip([1])
        backward_BLD = (mixer(flipped_BLD) + flipped_BLD).flip([1])
        h_BLD = fuse(tensors, forward_BLD, backward_BLD, fusion=fusion)
    return functional.rms_norm(h_BLD, (h_BLD.shape[-1],), tensors["norm_f.weight"], 1e-5)


def published_logits(tensors: dict[str, Tensor], h_BLD: Tensor) -> Tensor:
    return functional.linear(h_BLD, tensors["lm_head.weight"], tensors["lm_head.bias"])


def fuse(tensors, forward_BLD: Tensor, backward_BLD: Tensor, *, fusion: str) -> Tensor:
    if fusion == "mean":
        return (forward_BLD + backward_BLD) / 2
    if fusion == "sum":
        return forward_BLD + backward_BLD
    both = torch.cat([forward_BLD, backward_BLD], dim=-1)
    mixed = functional.linear(
        both, tensors["mamba_mixer.aggr.weight"], tensors["mamba_mixer.aggr.bias"]
    )
    if fusion == "concat":
        return mixed
    z = torch.sigmoid(mixed)
    return z * forward_BLD + (1 - z) * backward_BLD


def recurrent_states(tensors: dict[str, Tensor], input_ids_L: Tensor, *, fusion: str) -> Tensor:
    """Run the published model on one row as its equations are written, token by token, in float64."""
    tensors = {name: tensor.double() for name, tensor in tensors.items()}
    h_LD = tensors["embeddings.weight"][input_ids_L]
    for layer in range(_n_layer(tensors)):
        weights = _layer(tensors, layer)
        forward_LD = _recurrence(weights, h_LD) + h_LD
        backward_LD = (_recurrence(weights, h_LD.flip([0])) + h_LD.flip([0])).flip([0])
        h_LD = fuse(tensors, forward_LD, backward_LD, fusion=fusion)
    return h_LD / (h_LD.square().mean(-1, keepdim=True) + 1e-5).sqrt() * tensors["norm_f.weight"]


def _recurrence(weights: dict[str, Tensor], u_LD: Tensor) -> Tensor:
    d_inner, nheads = len(weights["norm.weight"]), len(weights["D"])
    n_state = (len(weights["conv1d.bias"]) - d_inner) // 2
    taps = weights["conv1d.weight"][:, 0].T
    A_H = -weights["A_log"].exp()
    S_HPN = torch.zeros(nheads, d_inner // nheads, n_state, dtype=torch.float64)
    past = [torch.zeros(len(weights["conv1d.bias"]), dtype=torch.float64)] * 3
    y = []
    for u_D in u_LD:
        z, xBC, dt = (weights["in_proj.weight"] @ u_D).split(
            [d_inner, d_inner + 2 * n_state, nheads]
        )
        past = [*past[-3:], xBC]
        mixed = weights["conv1d.bias"] + sum(t * x for t, x in zip(taps, past, strict=True))
        x, B, C = functional.silu(mixed).split([d_inner, n_state, n_state])
        x_HP, dt_H = x.view(nheads, -1), functional.softplus(dt + weights["dt_bias"])
        S_HPN = (dt_H * A_H).exp()[:, None, None] * S_HPN + torch.einsum(
            "h,hp,n->hpn", dt_H, x_HP, B
        )
        out = (S_HPN @ C + weights["D"][:, None] * x_HP).flatten() * functional.silu(z)
        y.append(out / (out.square().mean() + 1e-5).sqrt() * weights["norm.weight"])
    return torch.stack(y) @ weights["out_proj.weight"].T


def _mixers_of_transformers(tensors: dict[str, Tensor]) -> list:
    with warnings.catch_warnings():
        # Importing transformers warns of its own deprecations, which are not ours to mend.
        warnings.simplefilter("ignore")
        mamba2 = pytest.importorskip("transformers.models.mamba2.modeling_mamba2")
        mixers = []
        for layer in range(_n_layer(tensors)):
            weights = _layer(tensors, layer)
            d_model, d_inner = weights["out_proj.weight"].shape
            nheads = len(weights["D"])
            config = mamba2.Mamba2Config(
                hidden_size=d_model, num_heads=nheads, head_dim=d_inner // nheads, n_groups=1,
                state_size=(len(weights["conv1d.bias"]) - d_inner) // 2, conv_kernel=4,
                expand=d_inner // d_model, chunk_size=256, use_bias=False, use_conv_bias=True,
                layer_norm_epsilon=1e-5, num_hidden_layers=1,
            )  # fmt: skip
            mixer = mamba2.Mamba2Mixer(config, layer_idx=0)
            mixer.load_state_dict(weights)
            mixers.append(mixer.eval().requires_grad_(False))
    return mixers


def _layer(tensors: dict[str, Tensor], layer: int) -> dict[str, Tensor]:
    prefix = LAYER.format(layer)
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _n_layer(tensors: dict[str, Tensor]) -> int:
    return len([name for name in tensors if name.endswith(".A_log")])
