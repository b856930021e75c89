"""The layers of a model run by OpenVINO: one compiled graph a length, all layers through it.

Shape suffixes: B cells, L tokens, C blocks, Q tokens per block, D model width, H heads.
"""

import importlib
import logging
from collections import OrderedDict
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from genemamba.nn.backends.decays import Decays, read_decays
from genemamba.nn.backends.openvino_graph import DIRECTIONS, MATRICES, GraphShape, LayerGraph
from genemamba.nn.backends.openvino_nodes import Node
from genemamba.nn.block import BidirectionalStack, EncoderLayer
from genemamba.nn.decay import split_blocks

logger = logging.getLogger(__name__)

Precision = Literal["f32", "bf16"]
"""OpenVINO's names of the precisions."""

MAX_GRAPHS: Final = 8
"""Compiled graphs kept, the last used ones: each holds the intermediate values of its length,
60 MiB at 2,048 tokens and a width of 512."""

MIN_CHUNK_SIZE: Final = 8
"""Steep decays are met with shorter blocks down to this; steeper ones with torch's stable scan."""


class _Layer(NamedTuple):
    """What a layer feeds to the graph besides the cell."""

    module: EncoderLayer
    tensors: dict[str, Node]
    """OpenVINO tensors of the weights by input."""
    dt_weight: Tensor
    """Rows of the input projection that give step sizes, shape ``(nheads, d_model)``."""


class OpenVinoStack(nn.Module):
    """Run the layers of a model on the CPU with OpenVINO.

    Parameters
    ----------
    stack
        The layers, in float32 on the CPU; their weights are read once.
    precision
        Of the matrix products and of what lies between them; decays stay in float32.
    cache_dir
        Folder for compiled graphs; None keeps none.

    Attributes
    ----------
    n_fallbacks
        Layers of cells that torch's stable scan computed, because their decays were too steep.
    """

    def __init__(
        self, stack: BidirectionalStack, *, precision: Precision, cache_dir: Path | None = None
    ) -> None:
        super().__init__()
        self.stack = stack
        layers = [layer for layer in stack.layers if isinstance(layer, EncoderLayer)]
        self.config = layers[0].mamba.config
        self.precision = precision
        self.n_fallbacks = 0
        self._openvino = importlib.import_module("openvino")
        self._core = self._openvino.Core()
        if cache_dir:
            self._core.set_property({"CACHE_DIR": str(cache_dir)})
        self._layers = [self._layer(layer) for layer in layers]
        self._requests: OrderedDict[tuple[GraphShape, int], Node] = OrderedDict()

    def forward(self, h_BLD: Tensor, mask_BL: Tensor) -> Tensor:
        """Run every layer over each cell by itself.

        Parameters
        ----------
        h_BLD, mask_BL
            As for `BidirectionalStack.forward`.
        """
        return torch.stack(
            [self._run(h_LD, mask_L) for h_LD, mask_L in zip(h_BLD, mask_BL, strict=True)]
        )

    def _run(self, h_LD: Tensor, mask_L: Tensor) -> Tensor:
        seqlen, chunk_size = len(h_LD), self.config.chunk_size
        missing = -seqlen % chunk_size
        h_LD = functional.pad(h_LD.float(), (0, 0, 0, missing)).contiguous()
        mask_L = functional.pad(mask_L, (0, missing))
        following_LD = torch.empty_like(h_LD)
        for layer in self._layers:
            decays, shape = self._decays(layer, h_LD, mask_L)
            if decays is None:
                self._fall_back(layer, h_LD, mask_L, out_LD=following_LD)
            else:
                self._infer(layer, h_LD, mask_L, decays, shape, out_LD=following_LD)
            h_LD, following_LD = following_LD, h_LD
        return h_LD[:seqlen]

    def _decays(
        self, layer: _Layer, h_LD: Tensor, mask_L: Tensor
    ) -> tuple[tuple[Decays, Decays] | None, GraphShape]:
        """Return the decays over the longest blocks over which none is too steep."""
        mixer, norm = layer.module.mamba, layer.module.norm
        u_LD = h_LD if norm is None else norm(h_LD)
        gene_L1 = mask_L.unsqueeze(-1)
        dt_1LH = (mixer.step_sizes(u_LD @ layer.dt_weight.T) * gene_L1).unsqueeze(0)
        chunk_size = self.config.chunk_size
        while True:
            shape = GraphShape(len(h_LD) // chunk_size, chunk_size)
            decays = read_decays(dt_1LH, mixer.decay_rates(), chunk_size=chunk_size)
            if decays is not None or chunk_size % 2 or chunk_size // 2 < MIN_CHUNK_SIZE:
                return decays, shape
            chunk_size //= 2

    def _infer(
        self,
        layer: _Layer,
        h_LD: Tensor,
        mask_L: Tensor,
        decays: tuple[Decays, Decays],
        shape: GraphShape,
        *,
        out_LD: Tensor,
    ) -> None:
        inputs = {"h": h_LD.numpy(), "gene": mask_L.unsqueeze(-1).float().numpy()}
        for direction, one_way in zip(DIRECTIONS, decays, strict=True):
            for name in ("into", "out"):
                blocks_CQH = split_blocks(getattr(one_way, name), shape.chunk_size)[0]
                inputs[f"{name}_{direction}"] = blocks_CQH.unsqueeze(-1).contiguous().numpy()
        half_C1H1 = decays[0].half[0, :, None, :, None]
        inputs["half"] = half_C1H1.contiguous().numpy()
        request = self._request(shape)
        for name, values in inputs.items():
            request.set_tensor(name, self._shared(values))
        for name, tensor in layer.tensors.items():
            request.set_tensor(name, tensor)
        request.set_output_tensor(0, self._shared(out_LD.numpy()))
        request.infer()

    def _fall_back(self, layer: _Layer, h_LD: Tensor, mask_L: Tensor, *, out_LD: Tensor) -> None:
        if not self.n_fallbacks:
            logger.warning("Decays too steep for the graph: torch computes such layers of cells.")
        self.n_fallbacks += 1
        out_LD.copy_(self.stack._fuse(h_LD[None], layer.module, mask_L[None])[0])

    def _request(self, shape: GraphShape) -> Node:
        key = (shape, torch.get_num_threads())
        if key not in self._requests:
            graph = LayerGraph(self.config, shape, matrix_type=self.precision).build()
            compiled = self._core.compile_model(
                graph,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": self.precision,
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                    "NUM_STREAMS": 1,
                },
            )
            self._requests[key] = compiled.create_infer_request()
            if len(self._requests) > MAX_GRAPHS:
                self._requests.popitem(last=False)
        self._requests.move_to_end(key)
        return self._requests[key]

    def _layer(self, layer: EncoderLayer) -> _Layer:
        mixer, config = layer.mamba, self.config
        heads = (config.nheads, config.headdim)
        in_z, in_x, in_BC, in_dt = torch.split(
            mixer.in_proj.weight.detach(),
            [config.d_inner, config.d_inner, 2 * config.d_state, config.nheads],
        )
        taps_KX = mixer.conv1d.weight.detach().squeeze(1).T
        assert mixer.conv1d.bias is not None  # noqa: S101  # torch types it as optional
        weights = {
            "in_z": in_z,
            "in_x": in_x,
            "in_BC": in_BC,
            "taps_x": torch.unflatten(taps_KX[:, : config.d_inner], 1, heads),
            "taps_BC": taps_KX[:, config.d_inner :],
            "bias_x": torch.unflatten(mixer.conv1d.bias[None, : config.d_inner], 1, heads),
            "bias_BC": mixer.conv1d.bias[None, config.d_inner :],
            "skip": mixer.D[:, None],
            "norm": mixer.norm.weight,
            "out": mixer.out_proj.weight,
        }
        if layer.norm is not None:
            weights["pre_norm"] = layer.norm.weight
        if config.fusion in ("concat", "gate"):
            weights |= {"aggr": self.stack.aggr.weight, "aggr_bias": self.stack.aggr.bias}
        tensors = {name: self._tensor(name, weight) for name, weight in weights.items()}
        return _Layer(layer, tensors, in_dt)

    def _tensor(self, name: str, weight: Tensor) -> Node:
        weight = weight.detach().float().contiguous()
        if self.precision == "f32" or name not in MATRICES:
            return self._shared(weight.numpy().copy())
        bits = weight.bfloat16().view(torch.int16).numpy()
        tensor = self._openvino.Tensor(self._openvino.Type.bf16, list(weight.shape))
        np.asarray(tensor.data).view(np.int16)[...] = bits
        return tensor

    def _shared(self, values: NDArray[np.float32]) -> Node:
        return self._openvino.Tensor(values, shared_memory=True)
