"""Small deposits of real genes with known counts, and the views of the atlases they make."""

import hashlib
from pathlib import Path

import anndata as ad
import numpy as np
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.ingest.planning import plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import IngestOptions
from genemamba.atlas.versions.manifests import AtlasManifest, StoreEntry
from genemamba.atlas.versions.view import AtlasView

TYPES = ("B cell", "T cell", "NK cell")
N_GENES = 60


def small_adata(*, n_obs=120, seed=0):
    """Cells of three types, each with twenty genes of its own, in two batches."""
    rng = np.random.default_rng(seed)
    types = rng.integers(0, 3, n_obs)
    rate = np.full((n_obs, N_GENES), 0.3)
    for cell, kind in enumerate(types):
        rate[cell, 20 * kind : 20 * kind + 20] = 3.0
    adata = ad.AnnData(csr_matrix(rng.poisson(rate).astype(np.float32)))
    adata.var_names = gene_ids()
    adata.obs_names = [f"cell{i}" for i in range(n_obs)]
    adata.obs["cell_type"] = np.array(TYPES, dtype=object)[types]
    adata.obs["batch"] = np.array(["b1", "b2"], dtype=object)[rng.integers(0, 2, n_obs)]
    return adata


def gene_ids(n=N_GENES):
    """Ensembl ids of genes whose symbols name no other gene."""
    reference = load_reference()
    fine = (
        gene
        for gene, biotype in reference.biotypes.items()
        if biotype == "protein_coding"
        and reference.match(reference.symbols[gene]).ensembl_id == gene
    )
    return [next(fine) for _ in range(n)]


def small_view(folder: Path, **deposits) -> AtlasView:
    """Ingest AnnDatas by name into one atlas, and open it."""
    entries = tuple(small_entry(folder, name, adata) for name, adata in deposits.items())
    return AtlasView.open(AtlasManifest(atlas="small", stores=entries))


def small_entry(folder: Path, name: str, adata: ad.AnnData) -> StoreEntry:
    """Ingest an AnnData as a deposit of its name."""
    path, url = folder / f"{name}.h5ad", str(folder / f"{name}.zarr")
    adata.write_h5ad(path)
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    options, scratch = IngestOptions(), folder / f"scratch-{name}"
    plan = plan_ingest(path, name=name, sha256=sha256, options=options, scratch=scratch)
    summary = write_store(plan, url)
    return StoreEntry(
        name=name,
        digest=f"sha256:{sha256}",
        url=url,
        n_obs=summary.n_obs,
        n_vars=summary.n_vars,
        deposit_sha256=sha256,
    )


def wide_adata(*, n_obs, genes, seed=0):
    """Cells that express about a third of some genes, each in its own way."""
    rng = np.random.default_rng(seed)
    adata = ad.AnnData(csr_matrix(rng.poisson(0.4, (n_obs, len(genes))).astype(np.float32)))
    adata.var_names = genes
    adata.obs_names = [f"cell{i}" for i in range(n_obs)]
    return adata
