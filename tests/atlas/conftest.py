"""Small deposits with known counts, and one call that ingests them."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.ingest.planning import IngestPlan, plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import IngestOptions

SHA256 = "0123456789abcdef" * 4


@pytest.fixture(scope="session")
def gene_ids() -> list[str]:
    """Ensembl ids of 50 protein-coding genes whose symbols name no other gene."""
    reference = load_reference()
    return [
        gene
        for gene, biotype in reference.biotypes.items()
        if biotype == "protein_coding"
        and reference.match(reference.symbols[gene]).ensembl_id == gene
        and reference.symbols[gene] != gene
    ][:50]


@pytest.fixture
def adata(gene_ids) -> ad.AnnData:
    """120 cells x 50 genes with labels and two batches; the last cell is empty."""
    rng = np.random.default_rng(7)
    counts = rng.poisson(0.8, size=(120, 50)) * rng.integers(1, 5, size=(120, 50))
    counts[-1] = 0
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(rng.choice(["B", "T"], size=120)),
            "batch": pd.Categorical(rng.choice(["b1", "b2"], size=120)),
            "n_umi": counts.sum(axis=1),
        },
        index=[f"cell{i}" for i in range(120)],
    )
    return ad.AnnData(
        X=csr_matrix(counts.astype(np.float32)), obs=obs, var=pd.DataFrame(index=gene_ids)
    )


@pytest.fixture
def deposit(tmp_path) -> Callable[..., Path]:
    """Write an AnnData as ``NAME.h5ad`` and return its path."""

    def write(adata: ad.AnnData, name: str = "deposit") -> Path:
        path = tmp_path / f"{name}.h5ad"
        adata.write_h5ad(path)
        return path

    return write


@pytest.fixture
def plan(tmp_path) -> Callable[..., IngestPlan]:
    """Plan the ingest of a file."""

    def make(path: Path, *, name: str = "study", sha256: str = SHA256, **options) -> IngestPlan:
        scratch = tmp_path / f"scratch-{path.name}-{len(list(tmp_path.iterdir()))}"
        return plan_ingest(
            path, name=name, sha256=sha256, options=IngestOptions(**options), scratch=scratch
        )

    return make


@pytest.fixture
def ingest(tmp_path, plan) -> Callable[..., str]:
    """Ingest a file and return the URL of its store."""

    def make(path: Path, *, shard_nnz: int = 32 * 1024 * 1024, **kwargs) -> str:
        url = str(tmp_path / f"store-{len(list(tmp_path.iterdir()))}.zarr")
        write_store(plan(path, **kwargs), url, shard_nnz=shard_nnz)
        return url

    return make


@pytest.fixture(scope="session")
def packaged() -> Callable[[str, str], Path]:
    """Path of a file that an installed package carries; the test skips without the package."""

    def find(package: str, member: str) -> Path:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            pytest.skip(f"{package} is not installed")
        return Path(spec.origin).parent / member

    return find
