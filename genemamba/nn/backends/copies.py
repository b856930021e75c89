"""Copies of a model that share its weights and compute in another way."""

import copy
from collections.abc import Iterator

import torch
from torch import nn

from genemamba.errors import ModelError
from genemamba.nn.mixer import Mixer, Reader
from genemamba.nn.model import GeneMamba


def copy_for(model: GeneMamba, *, device: torch.device, dtype: torch.dtype) -> GeneMamba:
    """Return a copy for inference that shares what weights it can with the model.

    Parameters
    ----------
    model
        In float32; it is left as it is.
    device
        Of the copy; on another one than the model's nothing is shared.
    dtype
        Of the mixers' matrices, convolutions and norms. What lies between layers, the embeddings,
        step sizes and decays stay in float32.

    Raises
    ------
    ModelError
        The model is not in float32.
    """
    found = {weight.dtype for weight in model.parameters()}
    if found != {torch.float32}:
        names = ", ".join(sorted(str(one).removeprefix("torch.") for one in found))
        msg = f"Expected a model in float32, found {names}. Load the checkpoint in float32."
        raise ModelError(msg)
    if next(model.parameters()).device != device:
        shared = copy.deepcopy(model).to(device)
    else:
        shared = copy.deepcopy(model, {id(weight): weight for weight in model.parameters()})
    if dtype != torch.float32:
        for mixer in mixers_of(shared):
            for part in (mixer.in_proj, mixer.conv1d, mixer.norm, mixer.out_proj):
                _convert(part, dtype)
    return shared.eval()


def use_reader(model: GeneMamba, reader: Reader | None) -> None:
    """Let every mixer of a model read both directions by another function.

    Parameters
    ----------
    model
        A copy from `copy_for`, or one that is trained.
    reader
        Takes the mixer, token states and mask; None for the mixer's own way.
    """
    for mixer in mixers_of(model):
        mixer.reader = reader


def mixers_of(model: GeneMamba) -> Iterator[Mixer]:
    """Yield the mixer of each layer.

    Parameters
    ----------
    model
        Of any kind.
    """
    return (module for module in model.modules() if isinstance(module, Mixer))


def _convert(module: nn.Module, dtype: torch.dtype) -> None:
    # New parameters: converting the old ones in place would convert the model's own.
    for name, weight in list(module.named_parameters(recurse=False)):
        converted = nn.Parameter(weight.detach().to(dtype), requires_grad=False)
        module.register_parameter(name, converted)
