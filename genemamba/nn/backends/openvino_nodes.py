"""The few OpenVINO operations that a layer is made of, with shapes and constants as Python has them."""

import importlib
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Node: TypeAlias = Any
"""An object of OpenVINO's, which mypy does not follow, as the package may be absent."""


class Nodes:
    """Maker of nodes that remembers the graph's inputs."""

    def __init__(self) -> None:
        self._ops: ModuleType = importlib.import_module("openvino.opset15")
        self.inputs: list[Node] = []

    def input(self, name: str, *shape: int, dtype: str = "f32") -> Node:
        """Add an input of the graph.

        Parameters
        ----------
        name
            By which a request sets it.
        shape
            Fixed.
        dtype
            OpenVINO's name of the element type; other ones than ``f32`` are converted to it.
        """
        openvino = importlib.import_module("openvino")
        node = self._ops.parameter(list(shape), getattr(openvino.Type, dtype), name=name)
        node.output(0).set_names({name})
        self.inputs.append(node)
        return node if dtype == "f32" else self._ops.convert(node, "f32")

    def constant(self, values: NDArray[np.floating] | float) -> Node:
        """Add numbers in float32."""
        return self._ops.constant(np.asarray(values, dtype=np.float32))

    def matmul(
        self, left: Node, right: Node, *, left_T: bool = False, right_T: bool = False
    ) -> Node:
        """Multiply matrices, each of them transposed on demand."""
        return self._ops.matmul(left, right, left_T, right_T)

    def add(self, *terms: Node) -> Node:
        """Add two or more nodes, from the left."""
        return self._fold(self._ops.add, terms)

    def multiply(self, *factors: Node) -> Node:
        """Multiply two or more nodes by element, from the left."""
        return self._fold(self._ops.multiply, factors)

    def subtract(self, left: Node, right: Node) -> Node:
        """Subtract by element."""
        return self._ops.subtract(left, right)

    def silu(self, node: Node) -> Node:
        """Apply ``x * sigmoid(x)``."""
        return self._ops.swish(node)

    def sigmoid(self, node: Node) -> Node:
        """Apply the logistic function."""
        return self._ops.sigmoid(node)

    def rms_norm(self, node: Node, weight: Node, *, eps: float) -> Node:
        """Divide by the root of the mean square of the last axis, in the form that is fused."""
        ops = self._ops
        square = ops.reduce_mean(ops.multiply(node, node), self._ints(-1), keep_dims=True)
        root = ops.sqrt(ops.add(square, self.constant(eps)))
        return ops.multiply(ops.multiply(node, ops.divide(self.constant(1.0), root)), weight)

    def reshape(self, node: Node, *shape: int) -> Node:
        """Give the same elements another shape."""
        return self._ops.reshape(node, self._ints(*shape), special_zero=False)

    def pad_rows(self, node: Node, rows: int) -> Node:
        """Add rows of zeros at both ends of a matrix."""
        around = self._ints(rows, 0)
        return self._ops.pad(node, around, around, "constant", self.constant(0.0))

    def rows(self, node: Node, start: int, count: int, *, of: int) -> Node:
        """Take neighbouring rows; split, unlike slice, copies nothing."""
        sizes = [start, count, of - start - count]
        kept = [size for size in sizes if size]
        cut = self._ops.variadic_split(node, self._int(0), self._ints(*kept))
        return cut.output(1 if start else 0)

    def split(self, node: Node, parts: int, *, axis: int) -> list[Node]:
        """Cut into equal parts."""
        return list(self._ops.split(node, self._int(axis), parts).outputs())

    def concat(self, nodes: Sequence[Node], *, axis: int) -> Node:
        """Join along an axis."""
        return self._ops.concat(list(nodes), axis)

    def model(self, result: Node, name: str) -> Node:
        """Close the graph."""
        openvino = importlib.import_module("openvino")
        return openvino.Model([self._ops.result(result)], self.inputs, name)

    def _fold(self, operation: Callable[[Node, Node], Node], nodes: Sequence[Node]) -> Node:
        result = nodes[0]
        for node in nodes[1:]:
            result = operation(result, node)
        return result

    def _int(self, value: int) -> Node:
        return self._ops.constant(np.int64(value))

    def _ints(self, *values: int) -> Node:
        return self._ops.constant(np.array(values, dtype=np.int64))
