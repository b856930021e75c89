"""The key of a piece of work, which serves cache, idempotency and lineage alike."""

from collections.abc import Iterable, Mapping

from genemamba.catalog.values import Edge
from genemamba.provenance import Json, digest_json


def work_key(
    stage: str, inputs: Iterable[Edge], params: Mapping[str, Json], code_digest: str
) -> str:
    """Digest what decides the result of a stage.

    Parameters
    ----------
    stage
        Name of the stage.
    inputs
        What it reads. Their order and where they lie decide nothing; roles and digests do.
    params
        Parameters that decide the result; not paths or numbers of workers.
    code_digest
        `genemamba.provenance.source_digest` over the modules that decide the result.

    Returns
    -------
    ``sha256:`` and 64 hex digits over the canonical JSON.

    Raises
    ------
    ValueError
        A parameter is NaN or infinite, which JSON cannot hold.
    """
    edges = sorted({(edge.role, edge.artifact.digest) for edge in inputs})
    return digest_json({"stage": stage, "inputs": edges, "params": params, "code": code_digest})
