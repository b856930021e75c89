"""What the baselines of annotation are called in every record."""

from typing import Final

LOGISTIC_REGRESSION: Final = "logistic_regression_pca"
"""The linear probe on 50 principal components of 2,000 variable genes, all over one scale."""

NEAREST_NEIGHBORS: Final = "knn_pca"
"""A vote of the nearest training cells on the same components."""

CELLTYPIST: Final = "celltypist"
"""CellTypist, trained on the same training cells."""

SCANVI: Final = "scanvi"
"""scANVI, trained on the same training cells and on the counts of all."""

MAJORITY: Final = "majority_vote"
"""The most frequent label of the training cells: what knowing nothing scores."""

RANDOM_LABELS: Final = "random_labels"
"""Labels drawn as often as the training cells have them: what guessing scores."""

BASELINES: Final = (
    LOGISTIC_REGRESSION,
    NEAREST_NEIGHBORS,
    CELLTYPIST,
    SCANVI,
    MAJORITY,
    RANDOM_LABELS,
)
"""All of them, in the order of tables."""
