"""Embed every cell of an atlas by one model, and hand out copies."""

from prefect import flow

from genemamba.inference.encoder import BackendOption
from genemamba.inference.gene_embeddings import GeneStates
from genemamba.inference.precision import Precision
from tasks.atlas import find_version
from tasks.delivery import check_deliveries, deliver_stages
from tasks.embedding import embed_genes, embed_version
from tasks.model import find_model
from tasks.results import AtlasResult
from tasks.workspace import open_workspace


@flow(name="embed-atlas")
def embed_atlas(
    atlas: str,
    model: str | None = None,
    out: str | None = None,
    genes: str | None = None,
    gene_states: GeneStates = "input",
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    device: str = "cpu",
) -> AtlasResult:
    """Write the embedding of every cell, and by option that of every gene.

    Parameters
    ----------
    atlas
        Name of the atlas, or a version such as ``lung@3``.
    model
        Model version such as ``lung-small@2``; by default the newest that was trained on it.
    out
        Path for a copy of the cells' embedding, ``.zarr``.
    genes
        Path for a table of the genes' embedding, ``.tsv.gz``.
    gene_states
        Whether that is the model's own table, or the mean of each gene's states in the cells.
    backend, precision, device
        How the model is run.
    """
    check_deliveries({out: ".zarr", genes: ".tsv.gz"})
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    chosen = find_model(workspace, model, trained_on=version)
    how = {"backend": backend, "precision": precision, "device": device}
    embedding = embed_version(workspace, version, chosen, **how)
    stages = {"embedding": embedding}
    if genes:
        stages["genes"] = embed_genes(workspace, version, chosen, states=gene_states, **how)
    delivered = deliver_stages({out: embedding, genes: stages.get("genes")})
    return AtlasResult.gather(
        atlas=atlas, version=version, model=chosen, delivered=delivered, **stages
    )
