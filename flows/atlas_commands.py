"""``genemamba atlas add`` and ``drop``: the next version of an atlas, without an orchestrator."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import click

from flows.command_runs import QUIET_PREFECT
from flows.options.common import check_name
from genemamba.cli.output import json_option
from genemamba.config import load_settings

if TYPE_CHECKING:
    from tasks.stages import StageRef
    from tasks.workspace import Workspace

_name = click.argument("name", callback=check_name)


@click.command(short_help="Add stores that are there already.")
@_name
@click.argument("refs", nargs=-1, required=True, metavar="STORE|ATLAS[@NUMBER]...")
@json_option
def add(*, name: str, refs: tuple[str, ...], as_json: bool) -> None:
    """Make a new version of the atlas NAME with more stores, without another ingest.

    A store is named by its digest, path or URL; an atlas or one of its versions, such as lung@3,
    stands for all its stores; a deposit that was dropped comes back by its name.
    """
    from tasks.atlas import add_to_atlas

    _finish(lambda workspace: add_to_atlas(workspace, name, refs), name, as_json=as_json)


@click.command(short_help="Leave deposits out of the next version.")
@_name
@click.argument("deposits", nargs=-1, required=True, metavar="DEPOSIT...")
@json_option
def drop(*, name: str, deposits: tuple[str, ...], as_json: bool) -> None:
    """Make a new version of the atlas NAME without some deposits; nothing is deleted.

    A deposit is named as `genemamba atlas show` names it, or by its digest. Cells that others
    hold too come back from there, under the ids that they had.
    """
    from tasks.atlas import drop_from_atlas

    _finish(lambda workspace: drop_from_atlas(workspace, name, deposits), name, as_json=as_json)


def _finish(compose: "Callable[[Workspace], StageRef]", atlas: str, *, as_json: bool) -> NoReturn:
    # The tasks import Prefect, though no server is started.
    for name, value in QUIET_PREFECT.items():
        os.environ.setdefault(name, value)
    from tasks.result_tables import show_result
    from tasks.results import AtlasResult
    from tasks.workspace import Workspace

    workspace = Workspace.from_settings(load_settings())
    workspace.prepare()
    result = AtlasResult.gather(atlas=atlas, version=compose(workspace))
    raise SystemExit(show_result(result, as_json=as_json))
