"""A model as inference takes it: where it lies or what it is, its digest, and what it can read."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

import genemamba
from genemamba.errors import ModelError
from genemamba.provenance import Json, library_version
from genemamba.publishing import readable_folder
from genemamba.storage import tree_manifest
from genemamba.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


class OpenedModel(NamedTuple):
    """A model with its name."""

    checkpoint: Checkpoint
    """Weights, configuration and vocabulary."""
    digest: str
    """``sha256:`` and 64 hex digits over the files of its folder."""


def open_model(model: str | Path | Checkpoint) -> OpenedModel:
    """Load a model unless it is loaded already, and name it by its digest.

    Parameters
    ----------
    model
        Folder of a checkpoint, local or remote; or the checkpoint.

    Raises
    ------
    ModelError
        There is no checkpoint, or it is damaged.
    """
    if isinstance(model, Checkpoint):
        return OpenedModel(model, checkpoint_digest(model))
    with readable_folder(str(model)) as folder:
        return OpenedModel(load_checkpoint(folder), tree_manifest(str(folder)).digest)


def checkpoint_digest(checkpoint: Checkpoint) -> str:
    """Return the digest that the folder of a checkpoint would have.

    Parameters
    ----------
    checkpoint
        Which is saved for a moment.
    """
    with TemporaryDirectory(prefix="genemamba-") as folder:
        save_checkpoint(Path(folder), checkpoint)
        return tree_manifest(folder).digest


def known_genes(checkpoint: Checkpoint, gene_ids: Sequence[str], *, where: str) -> list[str]:
    """Return the genes of a model's vocabulary that some data have, in its order.

    Parameters
    ----------
    checkpoint
        The model.
    gene_ids
        Ensembl ids of the data.
    where
        What the data are called in an error.

    Raises
    ------
    ModelError
        There is none.
    """
    measured = set(gene_ids)
    known = [gene for gene in checkpoint.vocabulary.gene_ids if gene in measured]
    if not known:
        msg = (
            f"Expected genes of {where} in the model's vocabulary, found none of {len(measured)}. "
            "Choose another model, or train one on these cells."
        )
        raise ModelError(msg)
    return known


def computed_with() -> dict[str, Json]:
    """Return the versions of what decides the last digits of an embedding."""
    numpy = library_version("numpy").partition("@")[2]
    return {"genemamba": genemamba.__version__, "torch": str(torch.__version__), "numpy": numpy}
