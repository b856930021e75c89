"""What the user is told of an imported checkpoint besides that it was taken."""

from collections.abc import Mapping
from typing import Any

from genemamba.findings import Finding
from genemamba.nn.config import ModelConfig
from genemamba.provenance import Json
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.published.files import PublishedFiles
from genemamba.training.published.settings import Chosen
from genemamba.training.published.vocabulary import CLS_NAME, is_geneformer_v1


def report_choices(
    config: Mapping[str, Any], fusion: Chosen, seqlen: Chosen, model: ModelConfig
) -> list[Finding]:
    """Say what was chosen where the files say nothing, something else, or what has a price.

    Parameters
    ----------
    config
        Content of ``config.json``, or nothing.
    fusion, seqlen
        As they were settled.
    model
        Configuration of the model.
    """
    findings = []
    if fusion.source == "default":
        findings.append(
            Finding(
                rule="fusion-assumed",
                severity="warning",
                message="Nothing says how directions are fused: mean and sum have equal weights;"
                " mean was taken, as published.",
                remedy="Say it with --fusion if the model was trained otherwise.",
            )
        )
    elif config.get("mode") not in (None, {}, fusion.value):
        findings.append(
            Finding(
                rule="fusion-overridden",
                severity="warning",
                message=f"Directions are fused by {fusion.value}, as asked, and not by"
                f" {config['mode']}, as config.json has it.",
            )
        )
    if model.padding == "upstream":
        findings.append(
            Finding(
                rule="padding-upstream",
                severity="warning",
                message=f"Every cell is filled up to {seqlen.value} tokens and its padding is read,"
                " as published: embeddings depend on that number, and short cells take as long as"
                " long ones.",
                remedy="Import with --padding aware for embeddings of the cell alone.",
            )
        )
    return findings


def report_gaps(
    files: PublishedFiles, vocabulary: Vocabulary, *, is_published_size: bool
) -> list[Finding]:
    """Say what could not be proved of tokens, medians and size.

    Parameters
    ----------
    files
        Of the checkpoint.
    vocabulary
        As it was read.
    is_published_size
        Whether the total of parameters was compared with a published one.
    """
    findings = []
    if files.tokenizer is None:
        findings.append(
            Finding(
                rule="tokens-unproven",
                severity="warning",
                message="There is no tokenizer.json: that tokens are those of the table rests on"
                " their number alone.",
                remedy="Put tokenizer.json beside the weights.",
            )
        )
    if is_published_size and not is_geneformer_v1(vocabulary):
        findings.append(
            Finding(
                rule="vocabulary-unknown",
                severity="warning",
                message="Genes or medians are not those of Geneformer V1, with which the published"
                " models were trained: the order of a cell's genes would be another one.",
                remedy="Give Geneformer V1's tokens and medians with --vocabulary.",
            )
        )
    if not is_published_size:
        findings.append(
            Finding(
                rule="size-unpublished",
                severity="note",
                message="The size is none of the published ones, so no total was compared.",
            )
        )
    if CLS_NAME in vocabulary.further:
        findings.append(
            Finding(
                rule="cls-token",
                severity="note",
                message="The last row is that of [CLS], added by a fine-tuning: it is kept, and"
                " cells are embedded without it.",
            )
        )
    return findings


def describe(config: ModelConfig, fusion: Chosen, seqlen: Chosen) -> dict[str, Json]:
    """Return sizes and choices, each choice with its source.

    Parameters
    ----------
    config
        Of the model.
    fusion, seqlen
        As they were settled.
    """
    return {
        "n_layer": config.n_layer,
        "d_model": config.d_model,
        "d_state": config.d_state,
        "vocab_size": config.vocab_size,
        "fusion": config.fusion,
        "fusion_from": fusion.source,
        "padding": config.padding,
        "seqlen": seqlen.value,
        "seqlen_from": seqlen.source,
    }
