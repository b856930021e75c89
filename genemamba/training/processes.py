"""The processes and the device that a training runs on, in the terms of accelerate."""

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from genemamba.errors import ModelError
from genemamba.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Processes:
    """One process that trains, among all that do."""

    accelerator: Any
    """An ``accelerate.Accelerator``: casts, averages gradients and clips them."""

    device: torch.device
    """Where this process computes."""

    @classmethod
    def join(cls, config: TrainingConfig, *, device: torch.device) -> Self:
        """Become one of the processes that ``accelerate launch`` or ``torchrun`` started, or alone.

        Parameters
        ----------
        config
            Precision, and minibatches of a step.
        device
            Where to train; of several processes each takes its own of that kind.

        Raises
        ------
        ModelError
            The device computes no bfloat16 and the configuration wants it, or the processes were
            started for another kind of device.
        """
        # It takes half a second to import, which nothing but training should wait for.
        from accelerate import Accelerator  # type: ignore[import-untyped]
        from accelerate.state import (  # type: ignore[import-untyped]
            AcceleratorState,
            GradientState,
            PartialState,
        )

        if config.precision == "bf16":
            _check_bf16(device)
        # They remember the settings of an earlier training in this process, and refuse others.
        AcceleratorState._reset_state()
        GradientState._reset_state()
        if not torch.distributed.is_initialized():
            PartialState._reset_state()
        accelerator = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision="bf16" if config.precision == "bf16" else "no",
            gradient_accumulation_steps=config.accumulation_steps,
            device_placement=False,
        )
        several = accelerator.num_processes > 1
        if several and accelerator.device.type != device.type:
            msg = (
                f"Expected {accelerator.num_processes} processes on {device.type}, found them on"
                f" {accelerator.device.type}. Launch them for that device."
            )
            raise ModelError(msg)
        return cls(accelerator=accelerator, device=accelerator.device if several else device)

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return int(self.accelerator.process_index)

    @property
    def n_processes(self) -> int:
        """Processes in all."""
        return int(self.accelerator.num_processes)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return a module whose losses are cast as configured and whose gradients are averaged.

        Parameters
        ----------
        module
            With the weights that are trained.
        """
        wrapped: nn.Module = self.accelerator.prepare_model(module, device_placement=False)
        return wrapped

    def mean(self, *values: float) -> tuple[float, ...]:
        """Return the mean of each number over all processes, the same on all of them.

        Parameters
        ----------
        values
            Those of this process.
        """
        return self._reduce(values, "mean")

    def sum(self, *values: float) -> tuple[float, ...]:
        """Return the sum of each number over all processes, the same on all of them.

        Parameters
        ----------
        values
            Those of this process.
        """
        return self._reduce(values, "sum")

    def _reduce(self, values: tuple[float, ...], reduction: str) -> tuple[float, ...]:
        if self.n_processes == 1:
            return values
        # Metal has no float64.
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        mine = torch.tensor(values, dtype=dtype, device=self.device)
        reduced: Any = self.accelerator.reduce(mine, reduction)
        return tuple(reduced.tolist())


def _check_bf16(device: torch.device) -> None:
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        able = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    else:
        able = torch.amp.is_autocast_available(device.type)
    if not able:
        msg = (
            f"Expected a device that computes in bfloat16, found none in {device}."
            " Train with precision fp32."
        )
        raise ModelError(msg)
