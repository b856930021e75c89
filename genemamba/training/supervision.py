"""Whether a model version has seen authors' labels: what decides which scores stand beside its own."""

from collections.abc import Mapping
from typing import Final

from genemamba.provenance import Json

SAW_LABELS: Final = "saw_labels"
"""Facet of a model version whose weights were changed by authors' labels."""


def saw_labels(facets: Mapping[str, Json]) -> bool:
    """Say whether labels shaped a model's embedding.

    Pretraining and import see none, so the answer is no where nothing is said; a stage that
    trains with labels sets `SAW_LABELS`.

    Parameters
    ----------
    facets
        Facts about the model version's artifact, from the catalog.
    """
    return facets.get(SAW_LABELS) is True
