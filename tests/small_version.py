"""A small atlas version in a home, without a model."""

from pathlib import Path

from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.ingest import ingest_source
from tasks.outcomes import keep_accepted
from tasks.settings import DepositSettings
from tasks.stages import StageRef
from tasks.workspace import Workspace
from tests.small_atlas import small_adata


def small_version(workspace: Workspace, folder: Path) -> StageRef:
    """Ingest 60 cells of three types as the first version of the atlas ``small``."""
    deposit = folder / "study.h5ad"
    small_adata(n_obs=60).write_h5ad(deposit)
    settings = DepositSettings(batch_key="batch", label_key="cell_type")
    (spec,) = describe_deposits([str(deposit)], settings)
    outcome = ingest_source.fn(workspace, "small", spec, settings)
    return compose_version.fn(workspace, "small", keep_accepted([outcome]))
