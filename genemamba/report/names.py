"""How names in the record are printed for people."""

from collections.abc import Mapping
from typing import Final

from genemamba.evaluation.annotation.evaluation import OURS
from genemamba.evaluation.baselines.names import (
    CELLTYPIST,
    LOGISTIC_REGRESSION,
    MAJORITY,
    NEAREST_NEIGHBORS,
    RANDOM_LABELS,
    SCANVI,
)
from genemamba.keys import X_GENEMAMBA, X_PCA

EMBEDDING_TITLES: Final[Mapping[str, str]] = {
    X_GENEMAMBA: "GeneMamba",
    X_PCA: "PCA",
    "X_scVI": "scVI",
    "X_scANVI": "scANVI",
}
"""Others are printed as they are, with a capital."""

METHOD_TITLES: Final[Mapping[str, str]] = {
    OURS: "GeneMamba, linear probe",
    LOGISTIC_REGRESSION: "PCA, logistic regression",
    NEAREST_NEIGHBORS: "PCA, nearest neighbours",
    CELLTYPIST: "CellTypist",
    SCANVI: "scANVI",
    MAJORITY: "Majority vote",
    RANDOM_LABELS: "Random labels",
}
"""Ways of labelling cells; others are printed as they are."""

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
    "silhouette_batch": "Silhouette, batch",
    "avg_bio": "Avg-bio",
    "avg_batch": "Avg-batch",
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "coexpression_spearman": "Spearman",
    "pathway_auroc": "AUROC",
    "reconstruction_levenshtein": "Edit distance",
    "reconstruction_bleu": "BLEU-4",
    "reconstruction_spearman": "Spearman of places",
    "named_own_token": "Names the token itself",
    "named_next_token": "Names the next token",
    "hidden_gene_accuracy": "Named right",
    "hidden_gene_reciprocal_rank": "Mean reciprocal rank",
    "hidden_order_accuracy": "Put at its place",
}
"""The spelling of the scIB papers."""


def embedding_title(name: str) -> str:
    """Print the name of an embedding."""
    plain = name.removeprefix("X_")
    return EMBEDDING_TITLES.get(name, plain[:1].upper() + plain[1:])


def method_title(name: str) -> str:
    """Print the name of a way of labelling."""
    return METHOD_TITLES.get(name, name)


def metric_title(name: str) -> str:
    """Print the name of a metric."""
    return METRIC_TITLES.get(name, name.replace("_", " "))


def short_digest(digest: str) -> str:
    """Print the first twelve digits of a digest."""
    return digest.removeprefix("sha256:")[:12]


def short_run_id(run_id: str) -> str:
    """Print the first eight digits of a run, as the command line does."""
    return run_id[:8]
