"""Names of the columns of ``obs`` that say how well a cell was measured."""

from typing import Final

from genemamba.atlas.cells.doublets import DOUBLET_SCORE, PREDICTED_DOUBLET
from genemamba.atlas.cells.outliers import IS_OUTLIER, OUTLIER_REASON
from genemamba.atlas.cells.quality import N_GENES, PCT_HB, PCT_MT, PCT_RIBO, PCT_TOP, TOTAL_COUNTS

METRICS: Final = (TOTAL_COUNTS, N_GENES, PCT_MT, PCT_RIBO, PCT_HB, PCT_TOP)
"""What the survey measures, in this order."""

QUALITY_COLUMNS: Final = (*METRICS, IS_OUTLIER, OUTLIER_REASON, DOUBLET_SCORE, PREDICTED_DOUBLET)
"""All of them, in the order of the store."""
