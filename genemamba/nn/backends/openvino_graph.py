"""One bidirectional layer as an OpenVINO graph, for one cell of a fixed length.

The same scan as `genemamba.nn.scan.scan_merged`. Weights are inputs, so that one graph serves every
layer; decays are inputs too, so that they are computed in float32 whatever the precision of the
graph. The backward reading goes through the tokens in place.

Shape suffixes: L tokens, C blocks, Q tokens per block, D model width, I = H * P inner channels,
H heads, P channels per head, N state, K taps, W channels of either part of the convolution.
"""

from typing import Final, NamedTuple

import numpy as np

from genemamba.nn.backends.openvino_nodes import Node, Nodes
from genemamba.nn.config import ModelConfig

DIRECTIONS: Final = ("forward", "backward")
"""Endings of the names of the decays' inputs."""

MATRICES: Final = ("in_z", "in_x", "in_BC", "out", "aggr")
"""Weights that are multiplied with whole rows, and come in the precision of the graph."""


class GraphShape(NamedTuple):
    """What a graph is compiled for."""

    n_blocks: int
    """Length of the cell in blocks."""
    chunk_size: int
    """Tokens per block."""


class _Mixed(NamedTuple):
    """A cell after the convolution of one direction."""

    x: Node
    """Shape ``(n_blocks, chunk_size, nheads, headdim)``."""
    B: Node
    """Shape ``(n_blocks, chunk_size, d_state)``."""
    C: Node
    """Shape ``(n_blocks, chunk_size, d_state)``."""


class LayerGraph:
    """Builder of the graph of a layer.

    Parameters
    ----------
    config
        Of the model.
    shape
        Length of the cell and of its blocks.
    matrix_type
        OpenVINO's element type of the inputs among `MATRICES`.
    """

    def __init__(self, config: ModelConfig, shape: GraphShape, *, matrix_type: str) -> None:
        self.config = config
        self.shape = shape
        self.seqlen = shape.n_blocks * shape.chunk_size
        self.margin = config.d_conv - 1
        self.nodes = Nodes()
        self.matrix_type = matrix_type

    def build(self) -> Node:
        """Return the graph as an ``openvino.Model``: inputs by name, the next layer's input out."""
        config, nodes = self.config, self.nodes
        h_LD = nodes.input("h", self.seqlen, config.d_model)
        u_LD = h_LD
        if config.pre_norm:
            u_LD = nodes.rms_norm(
                u_LD, nodes.input("pre_norm", config.d_model), eps=config.norm_eps
            )
        u_LD = nodes.multiply(u_LD, nodes.input("gene", self.seqlen, 1))
        gate_CQHP = nodes.reshape(
            nodes.silu(self._project(u_LD, "in_z", config.d_inner)),
            *self.shape, config.nheads, config.headdim,
        )  # fmt: skip
        # Rows of zeros stay zero in the projection: the convolution begins and ends with them.
        u_LD = nodes.pad_rows(u_LD, self.margin)
        x_LI = self._project(u_LD, "in_x", config.d_inner)
        BC_LW = self._project(u_LD, "in_BC", 2 * config.d_state)
        self._read_inputs()
        read = [
            self._read(direction, self._convolve(x_LI, BC_LW, direction), gate_CQHP)
            for direction in DIRECTIONS
        ]
        return nodes.model(self._fuse(h_LD, read), "bidirectional_layer")

    def _read_inputs(self) -> None:
        config, nodes = self.config, self.nodes
        channels = {"x": (config.nheads, config.headdim), "BC": (2 * config.d_state,)}
        self.taps, self.bias = {}, {}
        for part, width in channels.items():
            taps = nodes.input(f"taps_{part}", config.d_conv, *width)
            self.taps[part] = nodes.split(taps, config.d_conv, axis=0)
            self.bias[part] = nodes.input(f"bias_{part}", 1, *width)
        half = nodes.input("half", self.shape.n_blocks, 1, config.nheads, 1)
        self.half = nodes.split(half, self.shape.n_blocks, axis=0)
        self.skip_H1 = nodes.input("skip", config.nheads, 1)
        self.norm_I = nodes.input("norm", config.d_inner)

    def _project(self, u_LD: Node, name: str, width: int) -> Node:
        weight = self.nodes.input(name, width, self.config.d_model, dtype=self.matrix_type)
        return self.nodes.matmul(u_LD, weight, right_T=True)

    def _convolve(self, x_LI: Node, BC_LW: Node, direction: str) -> _Mixed:
        config, nodes = self.config, self.nodes
        heads = (config.nheads, config.headdim)
        BC_LW = self._shifted_sum(BC_LW, "BC", direction, cell=(self.seqlen, 2 * config.d_state))
        B_LN, C_LN = nodes.split(BC_LW, 2, axis=1)
        return _Mixed(
            self._shifted_sum(x_LI, "x", direction, cell=(*self.shape, *heads)),
            nodes.reshape(B_LN, *self.shape, config.d_state),
            nodes.reshape(C_LN, *self.shape, config.d_state),
        )

    def _shifted_sum(
        self, padded_LW: Node, part: str, direction: str, *, cell: tuple[int, ...]
    ) -> Node:
        """Convolve, in the shape in which the result is needed, so that one kernel does both."""
        nodes, terms = self.nodes, [self.bias[part]]
        for lag, tap in enumerate(reversed(self.taps[part])):
            start = self.margin + (lag if direction == "backward" else -lag)
            shifted_LW = nodes.rows(padded_LW, start, self.seqlen, of=self.seqlen + 2 * self.margin)
            terms.append(nodes.multiply(nodes.reshape(shifted_LW, *cell), tap))
        return nodes.silu(nodes.add(*terms))

    def _read(self, direction: str, mixed: _Mixed, gate_CQHP: Node) -> Node:
        config, nodes, (n_blocks, chunk_size) = self.config, self.nodes, self.shape
        cell = (n_blocks, chunk_size, config.nheads, config.headdim)
        into_CQH1, out_CQH1 = (
            nodes.input(f"{name}_{direction}", n_blocks, chunk_size, config.nheads, 1)
            for name in ("into", "out")
        )
        x_CQI = nodes.reshape(nodes.multiply(mixed.x, into_CQH1), *self.shape, config.d_inner)
        triangle = np.triu if direction == "backward" else np.tril
        pairs_CQQ = nodes.multiply(
            nodes.matmul(mixed.C, mixed.B, right_T=True),
            nodes.constant(triangle(np.ones((1, chunk_size, chunk_size)))),
        )
        y_CQHP = nodes.reshape(nodes.matmul(pairs_CQQ, x_CQI), *cell)
        S_CNI = self._carry(nodes.matmul(mixed.B, x_CQI, left_T=True), direction)
        y_CQHP = nodes.add(y_CQHP, nodes.reshape(nodes.matmul(mixed.C, S_CNI), *cell))
        y_CQHP = nodes.add(nodes.multiply(y_CQHP, out_CQH1), nodes.multiply(mixed.x, self.skip_H1))
        y_LI = nodes.reshape(nodes.multiply(y_CQHP, gate_CQHP), self.seqlen, config.d_inner)
        return nodes.rms_norm(y_LI, self.norm_I, eps=config.norm_eps)

    def _carry(self, added_CNI: Node, direction: str) -> Node:
        """Return the state that each block starts with, in the middle of its decays."""
        config, nodes, n_blocks = self.config, self.nodes, self.shape.n_blocks
        state = (config.d_state, config.nheads, config.headdim)
        added = nodes.split(nodes.reshape(added_CNI, n_blocks, *state), n_blocks, axis=0)
        order = range(n_blocks)[:: -1 if direction == "backward" else 1]
        S_1NHP, starts = nodes.constant(np.zeros((1, *state))), {}
        for block in order:
            starts[block] = nodes.multiply(S_1NHP, self.half[block])
            S_1NHP = nodes.multiply(nodes.add(starts[block], added[block]), self.half[block])
        S_CNHP = nodes.concat([starts[block] for block in range(n_blocks)], axis=0)
        return nodes.reshape(S_CNHP, n_blocks, config.d_state, config.d_inner)

    def _fuse(self, h_LD: Node, read: list[Node]) -> Node:
        config, nodes = self.config, self.nodes
        out_DI = nodes.input("out", config.d_model, config.d_inner, dtype=self.matrix_type)
        if config.fusion in ("mean", "sum"):
            share = 0.5 if config.fusion == "mean" else 1.0
            added_LD = nodes.matmul(nodes.add(*read), out_DI, right_T=True)
            return nodes.add(
                nodes.multiply(h_LD, nodes.constant(2 * share)),
                nodes.multiply(added_LD, nodes.constant(share)),
            )
        forward_LD, backward_LD = (
            nodes.add(h_LD, nodes.matmul(y_LI, out_DI, right_T=True)) for y_LI in read
        )
        aggr = nodes.input("aggr", config.d_model, 2 * config.d_model, dtype=self.matrix_type)
        both_LD = nodes.concat([forward_LD, backward_LD], axis=1)
        fused_LD = nodes.add(
            nodes.matmul(both_LD, aggr, right_T=True), nodes.input("aggr_bias", config.d_model)
        )
        if config.fusion == "concat":
            return fused_LD
        step_LD = nodes.multiply(nodes.sigmoid(fused_LD), nodes.subtract(forward_LD, backward_LD))
        return nodes.add(backward_LD, step_LD)
