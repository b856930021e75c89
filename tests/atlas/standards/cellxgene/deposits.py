"""Valid deposits of the CELLxGENE schema, of every kind it tells apart, in memory.

Needs anndata, numpy, pandas and scipy alone: the script that asks the published validator for its
verdicts imports it in that validator's environment.
"""

from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

HUMAN_GENES = [
    "ENSG00000127603", "ENSG00000141510", "ENSG00000012048", "ENSG00000139618",
    "ENSG00000002330", "ENSG00000000005", "ENSG00000000419",
]  # fmt: skip
MOUSE_GENES = [
    "ENSMUSG00000102693", "ENSMUSG00000064842", "ENSMUSG00000051951", "ENSMUSG00000102851",
    "ENSMUSG00000103377", "ENSMUSG00000104017", "ENSMUSG00000103025",
]  # fmt: skip

HUMAN = {
    "cell_type_ontology_term_id": "CL:0000066",
    "assay_ontology_term_id": "EFO:0009899",
    "disease_ontology_term_id": "MONDO:0100096",
    "sex_ontology_term_id": "PATO:0000383",
    "tissue_ontology_term_id": "UBERON:0002048",
    "tissue_type": "tissue",
    "is_primary_data": True,
    "self_reported_ethnicity_ontology_term_id": "HANCESTRO:0019",
    "development_stage_ontology_term_id": "HsapDv:0000003",
    "donor_id": "donor_1",
    "suspension_type": "nucleus",
}
MOUSE = HUMAN | {
    "cell_type_ontology_term_id": "CL:0000192",
    "assay_ontology_term_id": "EFO:0008992",
    "disease_ontology_term_id": "PATO:0000461",
    "sex_ontology_term_id": "unknown",
    "tissue_ontology_term_id": "CL:0000192",
    "tissue_type": "primary cell culture",
    "is_primary_data": False,
    "self_reported_ethnicity_ontology_term_id": "na",
    "development_stage_ontology_term_id": "MmusDv:0000003",
    "suspension_type": "na",
}
CELL_LINE = HUMAN | {
    "tissue_type": "cell line",
    "tissue_ontology_term_id": "CVCL_0001",
    "development_stage_ontology_term_id": "na",
    "sex_ontology_term_id": "na",
    "self_reported_ethnicity_ontology_term_id": "na",
    "donor_id": "na",
}
VISIUM = HUMAN | {
    "array_col": 1,
    "array_row": 1,
    "in_tissue": 1,
    "cell_type_ontology_term_id": "unknown",
    "assay_ontology_term_id": "EFO:0022859",
    "suspension_type": "na",
}
SLIDE_SEQ = HUMAN | {"assay_ontology_term_id": "EFO:0030062", "suspension_type": "na"}
CATEGORIES = ("tissue_type", "donor_id", "suspension_type")


def cells(values: dict[str, Any], *, n_obs: int = 2) -> pd.DataFrame:
    """Return a table of equal cells."""
    index = [f"cell_{row}" for row in range(n_obs)]
    obs = pd.DataFrame({name: [value] * n_obs for name, value in values.items()}, index=index)
    texts = [name for name in obs if n_obs > 2 and obs[name].dtype == object]  # read faster
    return obs.astype(dict.fromkeys((*CATEGORIES, *texts), "category"))


def genes(names: list[str]) -> pd.DataFrame:
    """Return a table of genes none of which is filtered."""
    return pd.DataFrame({"feature_is_filtered": [False] * len(names)}, index=names)


def counts(n_obs: int = 2, n_vars: int = 7) -> csr_matrix:
    """Return counts no two cells of which are equal: cell plus gene number."""
    return csr_matrix(np.add.outer(np.arange(n_obs), np.arange(n_vars)).astype(np.float32))


def normalised(matrix: csr_matrix) -> csr_matrix:
    """Return the same values with one that is no count."""
    values = matrix.toarray()
    values[0, 0] = 1.5
    return csr_matrix(values)


def description(organism: str = "NCBITaxon:9606", **more: Any) -> dict[str, Any]:
    """Return an ``uns``."""
    return {
        "organism_ontology_term_id": organism,
        "title": "A title",
        "default_embedding": "X_umap",
        "X_approximate_distribution": "normal",
        "batch_condition": ["is_primary_data"],
        **more,
    }


def deposit(
    values: dict[str, Any],
    *,
    uns: dict[str, Any],
    names: list[str] = HUMAN_GENES,
    spatial: bool = False,
    n_obs: int = 2,
) -> anndata.AnnData:
    """Return a deposit with counts in ``X`` alone."""
    obsm = {"X_umap": np.zeros((n_obs, 2))}
    if spatial:
        obsm["spatial"] = np.zeros((n_obs, 2))
    return anndata.AnnData(
        X=counts(n_obs, len(names)), obs=cells(values, n_obs=n_obs), uns=uns, obsm=obsm,
        var=genes(names),
    )  # fmt: skip


def with_raw(adata: anndata.AnnData) -> anndata.AnnData:
    """Copy the counts of a deposit to its ``raw``."""
    raw = adata.copy()
    del raw.var["feature_is_filtered"]
    adata.raw = raw
    return adata


def human() -> anndata.AnnData:
    """Return human cells with counts in ``raw`` and other values in ``X``."""
    adata = with_raw(deposit(HUMAN, uns=description()))
    adata.X = normalised(adata.X)
    return adata


def human_without_raw() -> anndata.AnnData:
    """Return human cells with counts in ``X``."""
    return deposit(HUMAN, uns=description())


def mouse() -> anndata.AnnData:
    """Return cultured cells of mouse."""
    return deposit(MOUSE, uns=description("NCBITaxon:10090"), names=MOUSE_GENES)


def cell_line() -> anndata.AnnData:
    """Return a human cell line."""
    return deposit(CELL_LINE, uns=description())


def slide_seq() -> anndata.AnnData:
    """Return one Slide-seqV2 section."""
    return deposit(SLIDE_SEQ, uns=description(spatial={"is_single": True}), spatial=True)


def visium_sections() -> anndata.AnnData:
    """Return Visium spots of several sections."""
    values = {name: value for name, value in VISIUM.items() if name in HUMAN}
    values |= {"cell_type_ontology_term_id": "CL:0000066", "is_primary_data": False}
    return deposit(values, uns=description(spatial={"is_single": False}), spatial=True)


def visium_images() -> dict[str, Any]:
    """Return ``uns["spatial"]`` of one Visium section."""
    return {
        "is_single": np.bool_(True),
        "library_1": {
            "images": {
                "hires": np.zeros((2000, 4, 3), dtype=np.uint8),
                "fullres": np.zeros((2, 2, 3), dtype=np.uint8),
            },
            "scalefactors": {"spot_diameter_fullres": 1.0, "tissue_hires_scalef": 1.0},
        },
    }


def visium(*, n_obs: int = 4992) -> anndata.AnnData:
    """Return one Visium section, all spots of which are under tissue but the first."""
    adata = deposit(VISIUM, uns=description(spatial=visium_images()), spatial=True, n_obs=n_obs)
    adata.obs["in_tissue"] = [0] + [1] * (n_obs - 1)
    return with_raw(adata)


def guide(role: str = "targeting", **more: Any) -> dict[str, Any]:
    """Return one entry of ``uns["genetic_perturbations"]``."""
    return {
        "role": role,
        "protospacer_sequence": "CAGAGGGAGGAGAGAACCG",
        "protospacer_adjacent_motif": "3' NGG",
        **more,
    }


def perturbed(
    ids: tuple[str, str] = ("guide-1", "guide-1 || guide-2"),
    strategies: tuple[str, str] = ("CRISPR knockout screen",) * 2,
    guides: dict[str, Any] | None = None,
) -> anndata.AnnData:
    """Return human cells whose genes were perturbed."""
    guides = {"guide-1": guide(), "guide-2": guide()} if guides is None else guides
    adata = deposit(HUMAN, uns=description(genetic_perturbations=guides))
    adata.obs["genetic_perturbation_id"] = pd.Categorical(list(ids))
    adata.obs["genetic_perturbation_strategy"] = pd.Categorical(list(strategies))
    return with_raw(adata)


def treated(term: str) -> anndata.AnnData:
    """Return human cells under an experimental condition."""
    adata = human()
    adata.obs["experimental_condition_ontology_term_id"] = pd.Categorical([term] * adata.n_obs)
    return adata
