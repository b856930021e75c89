"""The one way to a backend: a model, a name and a device in; a function of tokens out."""

import functools
import logging
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from genemamba.errors import ModelError
from genemamba.nn.backends.cells import run_in_parts
from genemamba.nn.backends.compiled_tiles import compiled_steps
from genemamba.nn.backends.copies import copy_for, use_reader
from genemamba.nn.backends.names import AUTO, Choice, choose_backend
from genemamba.nn.backends.precision import fast_float32
from genemamba.nn.backends.tiles import read_in_tiles
from genemamba.nn.mixer import Reader
from genemamba.nn.model import GeneMamba

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Backend:
    """A trained model, ready to read cells."""

    choice: Choice
    """Which backend it is, its number format, and why."""
    model: GeneMamba
    """A copy that computes in the backend's way."""
    device: torch.device
    """Where tokens are expected and states are returned."""

    def __call__(
        self, input_ids_BL: Tensor, mask_BL: Tensor, bins_BL: Tensor | None = None
    ) -> Tensor:
        """Return the states of the last layer, as `GeneMamba.forward` does.

        On a CPU the minibatch is cut into parts of equal length, so that a cell's states depend on
        its own tokens alone, to the last digit.

        Parameters
        ----------
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``, integers, on `device`.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``; genes come first.
        bins_BL
            Binned expression of each token, for a model that reads it.

        Returns
        -------
        Token states, shape ``(batch, seqlen, d_model)``, float32; those at padding mean nothing.
        """
        with torch.inference_mode():
            if self.device.type != "cpu":
                states_BLD: Tensor = self.model(input_ids_BL, mask_BL, bins_BL)
                return states_BLD.float()
            with fast_float32() if self.choice.dtype == torch.float32 else nullcontext():
                return run_in_parts(
                    self.model, input_ids_BL, mask_BL, bins_BL,
                    d_model=self.model.config.d_model, cut_padding=not self._reads_padding(),
                )  # fmt: skip

    def _reads_padding(self) -> bool:
        return self.model.config.padding == "upstream"


def load_backend(
    model: GeneMamba,
    name: str = AUTO,
    *,
    device: torch.device,
    dtype: torch.dtype | None = None,
    cache_dir: Path | None = None,
) -> Backend:
    """Prepare a trained model for inference.

    Parameters
    ----------
    model
        In float32; it is left as it is. Weights that change later need a new backend.
    name
        One of `genemamba.nn.backends.names.BACKENDS`, or ``auto`` for the rule stated there.
    device
        Where the model is to run.
    dtype
        float32 or bfloat16; None leaves it to the rule.
    cache_dir
        Folder in which ``openvino`` keeps compiled graphs; None keeps none.

    Raises
    ------
    ModelError
        There is no such backend, it is not installed or not for the device, or it does not compute
        in the number format; the model is not in float32.
    """
    choice = choose_backend(name, device=device, dtype=dtype)
    logger.info("Backend %s in %s (%s).", choice.name, choice.dtype, choice.reason)
    on_cpu = device.type == "cpu"
    if choice.name == "openvino":
        if not model.config.fuse_every_layer:
            msg = (
                "Expected a model that fuses its directions after every layer for backend openvino,"
                " found one that fuses them once. Choose torch."
            )
            raise ModelError(msg)
        prepared = _with_openvino(model, choice, cache_dir=cache_dir)
    else:
        prepared = copy_for(model, device=device, dtype=choice.dtype)
        if choice.name == "mamba_ssm":
            use_reader(prepared, fused_reader())
        elif choice.name == "torch-compile":
            use_reader(prepared, functools.partial(read_in_tiles, compiled=compiled_steps()))
        elif on_cpu:
            use_reader(prepared, read_in_tiles)
    return Backend(choice=choice, model=prepared, device=device)


def fused_reader() -> Reader:
    """Return the reading by the kernels of ``mamba_ssm``.

    Raises
    ------
    ModelError
        Its version does not fit that of triton or torch.
    """
    from genemamba.nn.backends.fused import fused_scan, read_fused

    try:
        fused_scan()
    except ImportError as error:
        msg = (
            f"Expected mamba_ssm to be importable, found {error}. Install versions of mamba_ssm, "
            "triton and torch that fit each other, or choose torch."
        )
        raise ModelError(msg) from error
    return read_fused


def _with_openvino(model: GeneMamba, choice: Choice, *, cache_dir: Path | None) -> GeneMamba:
    from genemamba.nn.backends.openvino_stack import OpenVinoStack, Precision

    prepared = copy_for(model, device=torch.device("cpu"), dtype=torch.float32)
    precision: Precision = "f32" if choice.dtype == torch.float32 else "bf16"
    stack = OpenVinoStack(prepared.mamba_mixer, precision=precision, cache_dir=cache_dir)
    # Under the name of the stack that it replaces, so that the model's own forward calls it.
    prepared.add_module("mamba_mixer", stack)
    return prepared
