"""How a command runs its flow: Prefect embedded, deposits' options gathered, one summary shown."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from genemamba.config import load_settings
from genemamba.storage import is_local

if TYPE_CHECKING:
    from tasks.results import AtlasResult

QUIET_PREFECT: Final = {
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}
"""What the embedded server needs to stay offline, silent and patient; the user's own wins."""

Option = str | int | float | bool | tuple[str, ...] | list[str] | None
"""Value of a command-line option."""


def settled(options: Mapping[str, Option]) -> dict[str, Any]:
    """Gather what concerns deposits into settings, which the flows take as one."""
    from tasks.settings import DepositSettings

    names = {field.name for field in fields(DepositSettings)}
    settings = DepositSettings(**{name: options[name] for name in names})
    kept = {name: value for name, value in options.items() if name not in names}
    return {**kept, "sources": list(options["sources"]), "settings": settings}


def embed_prefect(*, writes: bool = True) -> None:
    """Set up the embedded server, and find out about an unwritable home before it starts."""
    settings = load_settings()
    for name, value in QUIET_PREFECT.items():
        os.environ.setdefault(name, value)
    if writes:
        from tasks.workspace import Workspace

        Workspace.from_settings(settings).prepare()
        if is_local(settings.home):
            os.environ.setdefault("PREFECT_HOME", str(Path(settings.home) / "prefect"))


def finish(
    flow: Callable[..., "AtlasResult"], options: Mapping[str, Option], *, as_json: bool
) -> NoReturn:
    """Run a flow, show its result or why its input was refused, and exit accordingly."""
    from tasks.outcomes import RefusedError
    from tasks.result_tables import show_result
    from tasks.results import AtlasResult

    try:
        result = flow(**options)
    except RefusedError as refused:
        result = AtlasResult(atlas=options["atlas"], outcomes=refused.outcomes)
    raise SystemExit(show_result(result, as_json=as_json))
