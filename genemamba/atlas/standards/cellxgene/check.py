"""Check a deposit against the CELLxGENE schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit, read_deposit
from genemamba.atlas.standards.cellxgene.embeddings import check_embeddings
from genemamba.atlas.standards.cellxgene.matrix import check_matrices
from genemamba.atlas.standards.cellxgene.obs import check_obs
from genemamba.atlas.standards.cellxgene.obs_terms import check_terms
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.perturbations import check_perturbations
from genemamba.atlas.standards.cellxgene.reporting import SCHEMA_VERSION
from genemamba.atlas.standards.cellxgene.spatial import ASSAYS, Spatial, check_spatial
from genemamba.atlas.standards.cellxgene.tables import check_tables
from genemamba.atlas.standards.cellxgene.uns import check_uns
from genemamba.atlas.standards.cellxgene.var import check_var
from genemamba.findings import Finding

RNA_AND_CHROMATIN: Final = ("EFO:0010891", "EFO:0008913")
"""Assays below both of these measure RNA beside chromatin."""

NO_COUNTS: Final = frozenset({"EFO:0007045", "EFO:0008804", "EFO:0000751", "EFO:0008939"})
"""Chromatin and methylation, which come without counts of transcripts."""


def check_cellxgene(path: Path) -> list[Finding]:
    """Check a deposit against the CELLxGENE schema, every value of it, in bounded memory.

    The verdict, an error or none, is that of the ``cellxgene-schema`` validator; it differs for
    gene ids of organisms other than human, which are checked by their spelling alone.

    Parameters
    ----------
    path
        An h5ad file, or a Zarr folder.

    Returns
    -------
    A note that names the versions, then what was found; no error means that it is valid.

    Raises
    ------
    InputError
        The package with the ontologies is not installed.
    SourceError
        The file is damaged, or holds no AnnData.
    """
    ontologies = Ontologies.load()
    deposit = read_deposit(path)
    version = Finding(
        rule="cellxgene-version",
        severity="note",
        message=f"Checked against the CELLxGENE schema {SCHEMA_VERSION} with the ontologies of "
        f"cellxgene-ontology-guide {ontologies.version}.",
    )
    return [version, *check_deposit(deposit, ontologies)]


def check_deposit(deposit: SchemaDeposit, ontologies: Ontologies) -> list[Finding]:
    """Check a deposit whose small parts are in memory; see `check_cellxgene`.

    Parameters
    ----------
    deposit
        Its small parts, and the path of its matrices.
    ontologies
        The terms.

    Raises
    ------
    SourceError
        A matrix is damaged.
    """
    return list(dict.fromkeys(_check(deposit, ontologies)))


def _check(deposit: SchemaDeposit, ontologies: Ontologies) -> Iterator[Finding]:
    yield from check_tables(deposit)
    yield from check_terms(deposit, ontologies)
    kind = Spatial.of(deposit, ontologies)
    yield from check_spatial(deposit, kind, ontologies)
    yield from check_obs(deposit, ontologies)
    yield from check_var(deposit, ontologies)
    yield from check_uns(deposit, ontologies)
    yield from check_perturbations(deposit, ontologies)
    yield from check_embeddings(
        deposit, spatial_assay=kind.visium or kind.beads, is_single=kind.is_single
    )
    yield from check_matrices(
        deposit,
        needs_counts=_needs_counts(deposit, ontologies),
        chip=kind.chip if kind.one_visium else None,
    )


def _needs_counts(deposit: SchemaDeposit, ontologies: Ontologies) -> bool:
    assays = deposit.strings(ASSAYS).dropna().unique()
    if ASSAYS not in deposit.obs:
        return False
    without = any(ontologies.descends(assay, NO_COUNTS, or_is=True) for assay in assays)
    both = any(
        all(ontologies.descends(assay, {term}, or_is=True) for term in RNA_AND_CHROMATIN)
        for assay in assays
    )
    return both or not without
