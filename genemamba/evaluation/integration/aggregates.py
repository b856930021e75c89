"""Means of metrics: scIB's as scib-metrics weighs them, and those published for GeneMamba."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from genemamba.evaluation.integration.metrics import Group
from genemamba.evaluation.integration.scores import IntegrationScore

BIO_WEIGHT: Final = 0.6
"""Share of bio conservation in the total; the rest is batch correction (Luecken et al. 2022,
Benchmarking atlas-level data integration in single-cell genomics)."""

BIO_CONSERVATION: Final = "bio_conservation"
BATCH_CORRECTION: Final = "batch_correction"
TOTAL: Final = "total"
AVG_BIO: Final = "avg_bio"
AVG_BATCH: Final = "avg_batch"

PUBLISHED_AVERAGES: Final[Mapping[str, tuple[str, ...]]] = {
    AVG_BIO: (
        "nmi_ari_cluster_labels_leiden_nmi",
        "nmi_ari_cluster_labels_leiden_ari",
        "silhouette_label",
    ),
    AVG_BATCH: ("silhouette_batch", "graph_connectivity"),
}
"""What GeneMamba (arXiv 2504.16956) and scGPT report: mean of NMI, ARI and ASW of labels, and mean
of ASW of batches and graph connectivity, by the original scIB, which ours resembles and is not:

- Clusters are Leiden's at the best NMI of ten resolutions from 0.2 to 2, on the 15 exact nearest
  neighbours; scIB tries Louvain's or Leiden's at twenty from 0.1 to 2, on approximate ones.
- Connectivity is asked of the directed graph of neighbours, where scIB makes it symmetric first:
  ours is at most as high.
- Both silhouettes are scIB's: (s + 1) / 2 for labels, 1 - |s| within each type for batches.
- The published scores are of embeddings that were fine-tuned on the labels they are scored by."""


def aggregate(scores: Sequence[IntegrationScore]) -> list[IntegrationScore]:
    """Average the metrics of one embedding.

    Parameters
    ----------
    scores
        Every metric of one embedding.

    Returns
    -------
    Bio conservation, batch correction and their total as the `Benchmarker` of scib-metrics
    weighs them, over the metrics that gave a number; then `PUBLISHED_AVERAGES`, which are no
    numbers where a part is none. A mean none of whose parts was asked is absent.
    """
    means = []
    groups: tuple[tuple[str, Group], ...] = ((BIO_CONSERVATION, "bio"), (BATCH_CORRECTION, "batch"))
    for metric, group in groups:
        of_group = [score for score in scores if score.group == group]
        if of_group:
            means.append(_mean(metric, of_group))
    if len(means) == len(groups):
        means.append(_total(*means))
    return [*means, *_published(scores)]


def _total(bio: IntegrationScore, batch: IntegrationScore) -> IntegrationScore:
    return replace(
        bio,
        metric=TOTAL,
        value=BIO_WEIGHT * bio.value + (1 - BIO_WEIGHT) * batch.value,
        n=max(bio.n, batch.n),
        slice=f"{BIO_WEIGHT:g} of {bio.slice}; {1 - BIO_WEIGHT:g} of {batch.slice}",
        note="; ".join(part.note for part in (bio, batch) if part.note),
    )


def _published(scores: Sequence[IntegrationScore]) -> Iterator[IntegrationScore]:
    by_metric = {score.metric: score for score in scores}
    for metric, names in PUBLISHED_AVERAGES.items():
        parts = [by_metric[name] for name in names if name in by_metric]
        if len(parts) == len(names):
            mean = _mean(metric, parts)
            made_by = ", ".join(dict.fromkeys(part.implementation for part in parts))
            value = float("nan") if mean.note else mean.value
            yield replace(mean, group="published", implementation=made_by, value=value)


def _mean(metric: str, scores: Sequence[IntegrationScore]) -> IntegrationScore:
    averaged = [score for score in scores if np.isfinite(score.value)]
    failed = [score.metric for score in scores if not np.isfinite(score.value)]
    note = f"without {', '.join(failed)}" if failed else ""
    names = ", ".join(score.metric for score in averaged) or "none"
    return replace(
        scores[0],
        metric=metric,
        value=float(np.mean([score.value for score in averaged])) if averaged else float("nan"),
        group="aggregate",
        slice=f"{scores[0].slice}; mean of {len(averaged)}: {names}",
        note=note,
    )
