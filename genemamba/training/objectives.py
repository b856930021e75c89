"""The objective of a training, made from its configuration, and what has to be said about it."""

import warnings

import torch

from genemamba.errors import ModelError
from genemamba.findings import Finding
from genemamba.nn.config import ModelConfig
from genemamba.nn.objectives.masked import Masked
from genemamba.nn.objectives.next_token import LEAK, NextTokenCausal, NextTokenUpstream
from genemamba.nn.objectives.objective import Objective
from genemamba.nn.objectives.pathways import PathwayContrast
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.config import TrainingConfig


def make_objective(
    config: TrainingConfig,
    model_config: ModelConfig,
    vocabulary: Vocabulary,
    *,
    gene_sets: GeneSets | None,
    device: torch.device,
) -> Objective:
    """Make the objective of a training; warn where it leaks.

    Parameters
    ----------
    config
        Names the objective and its settings.
    model_config
        Of the model that is trained.
    vocabulary
        Of its tokens.
    gene_sets
        Those that `config` names by their digest, if it does.
    device
        Where the model is trained.

    Raises
    ------
    ModelError
        The model cannot have this objective, or the gene sets are not those of the configuration.
    """
    _check(config, model_config, gene_sets)
    pathways = None
    if gene_sets:
        pathways = PathwayContrast(
            set_bits=torch.from_numpy(gene_sets.bits_by_token(vocabulary)),
            temperature=config.gene_set_temperature,
            n_sampled=config.gene_set_genes,
        ).to(device)
    match config.objective:
        case "masked":
            return Masked(
                mask_token=vocabulary.mask_token,
                fraction=config.mask_fraction,
                temperature=config.temperature,
                pathways=pathways,
            )
        case "next_token_causal":
            return NextTokenCausal(pathways=pathways)
        case "next_token_upstream":
            warnings.warn(LEAK, UserWarning, stacklevel=2)
            return NextTokenUpstream(pathways=pathways)
        case "labels":
            msg = "Expected an objective that needs no labels, found labels. Use `fine_tune`."
            raise ModelError(msg)


def objective_findings(config: TrainingConfig) -> tuple[Finding, ...]:
    """Return what a user of the trained model has to know about its objective.

    Parameters
    ----------
    config
        How the model was trained.
    """
    if config.objective != "next_token_upstream":
        return ()
    return (
        Finding(
            rule="objective-leaks",
            severity="warning",
            message="The model was trained to name genes that it had seen: its loss shows copying.",
            remedy="Train with the objective masked or next_token_causal.",
        ),
    )


def _check(config: TrainingConfig, model_config: ModelConfig, gene_sets: GeneSets | None) -> None:
    digest = gene_sets.digest if gene_sets else None
    if digest != config.gene_sets:
        msg = (
            f"Expected gene sets {config.gene_sets}, found {digest}. Give the file that was named."
        )
        raise ModelError(msg)
    if config.objective != "next_token_causal":
        return
    if model_config.fuse_every_layer:
        msg = (
            "Expected fuse_every_layer=False for next_token_causal, found True: a fused state has "
            "seen every gene. Build the model with fuse_every_layer=False."
        )
        raise ModelError(msg)
    if model_config.fusion not in ("mean", "sum"):
        msg = (
            f"Expected fusion mean or sum for next_token_causal, found {model_config.fusion!r}, "
            "whose weights nothing would train. Choose mean."
        )
        raise ModelError(msg)
