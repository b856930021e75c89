"""From the files of a published checkpoint to a model that can be used here.

Nothing is taken on trust: every tensor, token and setting is held against another source of the
same fact, and a contradiction refuses the checkpoint. What cannot be known is chosen openly: the
verdict says what was chosen, and by whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

import torch
from torch import Tensor

from genemamba.errors import SourceError
from genemamba.findings import MAX_EXAMPLES, Finding
from genemamba.nn.config import Fusion, ModelConfig, Padding
from genemamba.nn.model import GeneMamba
from genemamba.provenance import Json
from genemamba.training.checkpoint import Checkpoint
from genemamba.training.published.checks import check_training
from genemamba.training.published.files import PublishedFiles, read_json, read_weights
from genemamba.training.published.form import PublishedForm
from genemamba.training.published.names import KeyPlan, plan_keys
from genemamba.training.published.settings import (
    check_config,
    choose_format,
    choose_fusion,
    choose_seqlen,
)
from genemamba.training.published.shapes import check_total, infer_config
from genemamba.training.published.verdict import describe, report_choices, report_gaps
from genemamba.training.published.vocabulary import read_vocabulary

_WIDENED: Final = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
"""Types that become float32 without a loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportOptions:
    """What the user says about a published checkpoint."""

    fusion: Fusion | None = None
    """How directions are fused; by default as ``config.json`` says."""

    padding: Padding = "upstream"
    """Whether padding is read as the published model does, or kept out of cells."""

    seqlen: int | None = None
    """Tokens kept of a cell; by default as ``config.json`` says, or the published number."""


class ImportedModel(NamedTuple):
    """A published checkpoint, read."""

    checkpoint: Checkpoint
    """As one trained here, without a course of training."""
    facts: Mapping[str, Json]
    """Sizes and choices, each choice with its source."""
    findings: tuple[Finding, ...]
    """What the user should know."""


def import_published(files: PublishedFiles, options: ImportOptions) -> ImportedModel:
    """Read a published checkpoint, check it and make it a model.

    Parameters
    ----------
    files
        From `genemamba.training.published.files.find_files`.
    options
        What the user says about it.

    Raises
    ------
    InputError
        Files are damaged, incomplete or not of one model; the message names the tensor, token or
        setting.
    """
    tensors = read_weights(files.weights)
    config = read_json(files.config) if files.config else {}
    plan = plan_keys(tensors)
    fusion = choose_fusion(config, options.fusion, has_aggr=plan.has_aggr)
    seqlen = choose_seqlen(config, options.seqlen)
    weights, dtypes = _widened(tensors, plan)
    model_config = infer_config(
        {name: tuple(weight.shape) for name, weight in weights.items()},
        plan,
        fusion=fusion.value,
        padding=options.padding,
        row_seqlen=seqlen.value if options.padding == "upstream" else None,
    )
    n_parameters = sum(weight.numel() for weight in weights.values())
    is_published_size = check_total(model_config, n_parameters)
    findings = check_config(config, model_config)
    vocabulary = read_vocabulary(files, n_rows=model_config.vocab_size)
    model = _build(model_config, weights)
    checkpoint = Checkpoint(
        model=model,
        vocabulary=vocabulary,
        training_config=None,
        history=(),
        heldout_loss=None,
        published=PublishedForm(
            seqlen=seqlen.value,
            format=choose_format(config),
            spelling=plan.spelling,
            config=config,
            dtypes=dtypes,
        ),
    )
    findings += check_training(model)
    findings += report_choices(config, fusion, seqlen, model_config)
    findings += report_gaps(files, vocabulary, is_published_size=is_published_size)
    facts = {
        "n_parameters": n_parameters,
        "total_verified": is_published_size,
        **describe(model_config, fusion, seqlen),
    }
    return ImportedModel(checkpoint, facts, tuple(findings))


def _widened(
    tensors: Mapping[str, Tensor], plan: KeyPlan
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the weights as float32, and the type of those that were narrower."""
    weights = {name: tensors[key] for name, key in plan.keys.items()}
    wrong = [
        f"{plan.keys[name]} ({weight.dtype})"
        for name, weight in weights.items()
        if weight.dtype not in (torch.float32, *_WIDENED)
    ]
    if wrong:
        _refuse_values(wrong, expected="float32, float16 or bfloat16", what="of another type")
    broken = [plan.keys[name] for name, w in weights.items() if not bool(torch.isfinite(w).all())]
    if broken:
        _refuse_values(broken, expected="finite weights", what="with NaN or infinity")
    dtypes = {name: _WIDENED[w.dtype] for name, w in weights.items() if w.dtype in _WIDENED}
    return {name: weight.float() for name, weight in weights.items()}, dtypes


def _refuse_values(named: list[str], *, expected: str, what: str) -> NoReturn:
    raise SourceError(
        expected=expected,
        found=f"{len(named)} tensors {what}: {', '.join(named[:MAX_EXAMPLES])}",
        remedy="Copy the file again, or take another checkpoint.",
        rule="published-values",
        count=len(named),
        examples=named[:MAX_EXAMPLES],
    )


def _build(config: ModelConfig, weights: Mapping[str, Tensor]) -> GeneMamba:
    with torch.device("meta"):
        model = GeneMamba(config)
    model.load_state_dict(dict(weights), assign=True)
    return model.requires_grad_()
