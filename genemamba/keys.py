"""Names of AnnData columns and arrays, each spelt here and nowhere else."""

from typing import Final

CELL_ID: Final = "cell_id"
"""Stable identity of a cell, ``obs``: first 12 hex digits of the deposit, ``:``, the obs name."""

CONTENT_HASH: Final = "content_hash"
"""Hash of a cell's (Ensembl id, count) pairs, ``obs``; equal cells have equal hashes."""

CELL_TYPE: Final = "cell_type"
"""Author's label, ``obs``, categorical; `UNKNOWN` where there is none."""

BATCH: Final = "batch"
"""Experimental batch, ``obs``, categorical."""

DEPOSIT: Final = "deposit"
"""Name of the deposit a cell came with, ``obs`` of an atlas view."""

UNKNOWN: Final = "unknown"
"""The CELLxGENE schema's literal for a cell type nobody knows."""

FEATURE_NAME: Final = "feature_name"
"""Gene symbol, ``var``."""

FEATURE_BIOTYPE: Final = "feature_biotype"
"""GENCODE gene type, ``var``."""

SOURCE_NAME: Final = "source_name"
"""The gene's name in the deposit, ``var``; several are joined by `` || ``."""

GENE_STATUS: Final = "gene_status"
"""How the gene was mapped, ``var``: exact, previous or alias; or why it was not: ambiguous,
retired, unknown, ercc or virus."""

GENE_MATCHED_BY: Final = "gene_matched_by"
"""What led to the gene, ``var``: id, retired_id, symbol, shared_symbol, date or copy."""

MEASURED: Final = "measured"
"""True where the deposit measured the gene, ``var``; tells zero from absent."""

MEASURED_IN: Final = "measured_in"
"""Number of stores that measured the gene, ``var`` of an atlas version."""

N_TOKENS: Final = "n_tokens"
"""Genes of a cell that a model reads, ``obs`` of an embedding; 0 where it knows none of them."""

X_GENEMAMBA: Final = "X_genemamba"
"""Cell embedding by GeneMamba, ``obsm``, shape ``(n_obs, d_model)``."""

X_PCA: Final = "X_pca"
"""Principal components of log-normalised counts, ``obsm``, shape ``(n_obs, n_comps)``."""

CELL_TYPE_PRED: Final = "cell_type_pred"
"""Predicted label, ``obs``; `UNKNOWN` where it is not accepted."""

CELL_TYPE_PRED_CONFIDENCE: Final = "cell_type_pred_confidence"
"""Probability of the best label, ``obs``, in [0, 1]."""

TERM_PRED: Final = "cell_ontology_term_id_pred"
"""Id of the most specific Cell Ontology term that the probabilities are sure of, ``obs``; `UNKNOWN`
where that is only the root."""

CELL_TYPE_PRED_ROLLED_UP: Final = "cell_type_pred_rolled_up"
"""Name of the term in `TERM_PRED`, ``obs``."""

CELL_TYPE_PRED_ROLLED_UP_CONFIDENCE: Final = "cell_type_pred_rolled_up_confidence"
"""Probability of the term in `TERM_PRED`, ``obs``, in [0, 1]."""

CELL_TYPE_PRED_REASON: Final = "cell_type_pred_reason"
"""``accepted``, or why the predicted label is `UNKNOWN`, ``obs``, categorical."""

CELL_TYPE_PROBABILITIES: Final = "cell_type_probabilities"
"""Calibrated probability of each label, ``obsm``, shape ``(n_obs, n_classes)``; zeros for a cell
with no gene of the vocabulary. The labels are in ``uns["genemamba"]["labelling"]["classes"]``."""

CELL_TYPE_ADDED: Final = "cell_type_added"
"""New type that a person gave a cell after its deposit came, ``obs``; `UNKNOWN` elsewhere."""

TYPE_STATISTICS: Final = "genemamba_type_statistics"
"""What new types are learnt beside, ``uns``: `genemamba.annotation.type_statistics`."""
TERM_COLUMNS: Final = (TERM_PRED, CELL_TYPE_PRED_ROLLED_UP, CELL_TYPE_PRED_ROLLED_UP_CONFIDENCE)
"""Columns of an annotation whose labels are mapped to the Cell Ontology."""

UNS: Final = "genemamba"
"""Provenance of a store or an export, ``uns``."""
