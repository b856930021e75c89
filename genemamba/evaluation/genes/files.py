"""An evaluation of genes on disk, as JSON."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Final

from genemamba.evaluation.genes.scores import (
    GeneEvaluation,
    GeneScore,
    Interval,
    PermutationNull,
)
from genemamba.provenance import Json, canonical_json

GENE_SCORES_FILE: Final = "gene_scores.json"
"""Every number, and what has to be known of it."""


def write_gene_evaluation(evaluation: GeneEvaluation, folder: Path) -> None:
    """Write `GENE_SCORES_FILE` into an existing folder.

    Parameters
    ----------
    evaluation
        What to write; a value that is no number is written as null.
    folder
        Where.
    """
    document: dict[str, Json] = dataclasses.asdict(evaluation)
    document["scores"] = [_score_document(score) for score in evaluation.scores]
    (folder / GENE_SCORES_FILE).write_text(canonical_json(document))


def read_gene_evaluation(folder: Path) -> GeneEvaluation:
    """Read what `write_gene_evaluation` wrote.

    Parameters
    ----------
    folder
        Of the evaluation.
    """
    document: dict[str, Any] = json.loads((folder / GENE_SCORES_FILE).read_text())
    return GeneEvaluation(
        scores=tuple(map(_score, document["scores"])),
        n_genes=document["n_genes"],
        n_cells=document["n_cells"],
        gene_sets=document["gene_sets"],
        notes=tuple(document["notes"]),
    )


def _score_document(score: GeneScore) -> dict[str, Json]:
    return dataclasses.asdict(score) | {
        "value": score.value if math.isfinite(score.value) else None,
        "interval": score.interval._asdict() if score.interval else None,
        "null": score.null._asdict() if score.null else None,
    }


def _score(values: dict[str, Any]) -> GeneScore:
    value, interval, null = (values[name] for name in ("value", "interval", "null"))
    return GeneScore(
        **values
        | {
            "value": math.nan if value is None else value,
            "interval": Interval(**interval) if interval else None,
            "null": PermutationNull(**null) if null else None,
        }
    )
