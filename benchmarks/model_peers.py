"""What the model is compared with: transformers' Mamba-2, and a transformer layer of equal width."""

import importlib
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genemamba.nn.model import GeneMamba

N_HEADS = 8
FEED_FORWARD = 4


def transformers_mixer(model: GeneMamba, *, chunk_size: int = 256) -> nn.Module:
    """Return transformers' Mamba-2 mixer, in plain torch, with the weights of a model's first layer.

    Its block of 256 tokens is its own default.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mamba2 = importlib.import_module("transformers.models.mamba2.modeling_mamba2")
    config = model.config
    mixer = mamba2.Mamba2Mixer(
        mamba2.Mamba2Config(
            hidden_size=config.d_model, num_heads=config.nheads, head_dim=config.headdim,
            state_size=config.d_state, n_groups=1, expand=config.expand, conv_kernel=config.d_conv,
            chunk_size=chunk_size, use_bias=False, use_conv_bias=True, num_hidden_layers=1,
        ),
        layer_idx=0,
    )  # fmt: skip
    mixer.load_state_dict(model.mamba_mixer.layers[0].mamba.state_dict())
    return mixer.eval().requires_grad_(requires_grad=False)


def read_both_ways(mixer: nn.Module, h_BLD: Tensor) -> Tensor:
    """Run one mixer in both directions and fuse them by their mean, as the published code does."""
    forward = h_BLD + mixer(h_BLD)
    backward = h_BLD + mixer(h_BLD.flip(1)).flip(1)
    return (forward + backward) / 2


class TransformerLayer(nn.Module):
    """A pre-norm transformer layer with fused attention and a feed-forward four times as wide."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)
        self.feed_norm = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, FEED_FORWARD * d_model)
        self.down = nn.Linear(FEED_FORWARD * d_model, d_model)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Run the layer."""
        n_cells, seqlen, d_model = h_BLD.shape
        qkv = self.qkv(self.attention_norm(h_BLD))
        q, k, v = qkv.view(n_cells, seqlen, 3, N_HEADS, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        h_BLD = h_BLD + self.out(attended.reshape(n_cells, seqlen, d_model))
        fed: Tensor = h_BLD + self.down(functional.gelu(self.up(self.feed_norm(h_BLD))))
        return fed


def openvino_transformer(layer: TransformerLayer, seqlen: int, *, precision: str) -> Any:  # noqa: ANN401
    """Compile the same layer with OpenVINO, for one cell, and return a request for it."""
    openvino = importlib.import_module("openvino")
    ops = importlib.import_module("openvino.opset15")
    d_model = layer.qkv.in_features

    def ints(*values: int) -> Any:  # noqa: ANN401
        return ops.constant(np.array(values, dtype=np.int64))

    def floats(weight: Tensor) -> Any:  # noqa: ANN401
        return ops.constant(weight.detach().numpy())

    def linear(x: Any, module: nn.Linear) -> Any:  # noqa: ANN401
        return ops.add(
            ops.matmul(x, floats(module.weight), transpose_a=False, transpose_b=True),
            floats(module.bias[None, None]),
        )

    def norm(x: Any, module: nn.LayerNorm) -> Any:  # noqa: ANN401
        centred = ops.mvn(
            x, ints(-1), normalize_variance=True, eps=module.eps, eps_mode="inside_sqrt"
        )
        return ops.add(ops.multiply(centred, floats(module.weight)), floats(module.bias))

    h = ops.parameter([1, seqlen, d_model], np.float32, name="h")
    qkv = linear(norm(h, layer.attention_norm), layer.qkv)
    heads = [
        ops.transpose(
            ops.reshape(part, ints(1, seqlen, N_HEADS, d_model // N_HEADS), special_zero=False),
            ints(0, 2, 1, 3),
        )
        for part in ops.split(qkv, ops.constant(np.int64(2)), 3).outputs()
    ]
    attended = ops.transpose(ops.scaled_dot_product_attention(*heads), ints(0, 2, 1, 3))
    attended = ops.reshape(attended, ints(1, seqlen, d_model), special_zero=False)
    first = ops.add(h, linear(attended, layer.out))
    fed = linear(ops.gelu(linear(norm(first, layer.feed_norm), layer.up), "erf"), layer.down)
    graph = openvino.Model([ops.result(ops.add(first, fed))], [h], "transformer_layer")
    compiled = openvino.Core().compile_model(
        graph,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
        },
    )
    return compiled.create_infer_request()
