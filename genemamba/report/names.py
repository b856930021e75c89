"""How names in the record are printed for people."""

from collections.abc import Mapping
from typing import Final

from genemamba.keys import X_GENEMAMBA, X_PCA

EMBEDDING_TITLES: Final[Mapping[str, str]] = {X_GENEMAMBA: "GeneMamba", X_PCA: "PCA"}
"""Others are printed as they are, with a capital."""

METRIC_TITLES: Final[Mapping[str, str]] = {
    "isolated_labels": "Isolated labels",
    "nmi_ari_cluster_labels_leiden_nmi": "Leiden NMI",
    "nmi_ari_cluster_labels_leiden_ari": "Leiden ARI",
    "nmi_ari_cluster_labels_kmeans_nmi": "k-means NMI",
    "nmi_ari_cluster_labels_kmeans_ari": "k-means ARI",
    "silhouette_label": "Silhouette, label",
    "clisi_knn": "cLISI",
    "bras": "BRAS",
    "ilisi_knn": "iLISI",
    "kbet_per_label": "kBET per label",
    "graph_connectivity": "Graph connectivity",
    "pcr_comparison": "PCR comparison",
    "bio_conservation": "Bio conservation",
    "batch_correction": "Batch correction",
    "total": "Total",
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
}
"""The spelling of the scIB papers."""


def embedding_title(name: str) -> str:
    """Print the name of an embedding."""
    plain = name.removeprefix("X_")
    return EMBEDDING_TITLES.get(name, plain[:1].upper() + plain[1:])


def metric_title(name: str) -> str:
    """Print the name of a metric."""
    return METRIC_TITLES.get(name, name.replace("_", " "))


def short_digest(digest: str) -> str:
    """Print the first twelve digits of a digest."""
    return digest.removeprefix("sha256:")[:12]


def short_run_id(run_id: str) -> str:
    """Print the first eight digits of a run, as the command line does."""
    return run_id[:8]
