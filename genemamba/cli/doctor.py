"""``genemamba doctor``: what is in force, and whether it works."""

import platform
import re
from collections.abc import Callable
from typing import Final, NamedTuple

import click

from genemamba.catalog.catalog import Catalog
from genemamba.cli.output import json_option, print_json, print_table
from genemamba.config import Settings, load_settings
from genemamba.errors import GeneMambaError
from genemamba.provenance import environment_spec, library_version
from genemamba.publishing import free_bytes, staging_area

GIB: Final = 2**30

LOW_SPACE_BYTES: Final = 2 * GIB
"""A store of 100,000 cells takes about one GiB, and as much again while it is written."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    check: str
    ok: bool
    detail: str


@click.command(short_help="Show what is in force, and whether it works.")
@json_option
def doctor(*, as_json: bool) -> None:
    """Check settings, versions, home and catalog; exit 1 where one of them is ill."""
    settings = load_settings()
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _check_python, _check_orchestrator, _check_home, _check_space, _check_catalog,
    )  # fmt: skip
    findings = [check(settings) for check in checks]
    if as_json:
        print_json(
            {
                "settings": {
                    **settings.model_dump(),
                    "database_url": _without_password(settings.database_url),
                    "catalog_url": _without_password(settings.catalog_url),
                },
                "environment": environment_spec(),
                "checks": [finding._asdict() for finding in findings],
            }
        )
    else:
        print_table(
            ["check", "", "found"], [[f.check, "ok" if f.ok else "ILL", f.detail] for f in findings]
        )
    raise SystemExit(0 if all(finding.ok for finding in findings) else 1)


def _check_python(_settings: Settings) -> Finding:
    libraries = ", ".join(map(library_version, ("torch", "anndata", "zarr", "scib-metrics")))
    return Finding("python", ok=True, detail=f"{platform.python_version()}; {libraries}")


def _check_orchestrator(_settings: Settings) -> Finding:
    """Known-bad sets: the server stops at import, or cron schedules silently never run."""
    found = {
        name: library_version(name).partition("@")[2]
        for name in ("prefect", "fastapi", "sqlalchemy")
    }
    detail = ", ".join(f"{name}@{version}" for name, version in found.items())
    if found["prefect"] == "absent":
        return Finding("orchestrator", ok=False, detail=f"{detail}; install genemamba-atlas[flows]")
    if _release(found["fastapi"]) >= (0, 151) or _release(found["sqlalchemy"]) >= (2, 1):
        return Finding(
            "orchestrator", ok=False, detail=f"{detail}; needs fastapi<0.151 and sqlalchemy<2.1"
        )
    return Finding("orchestrator", ok=True, detail=detail)


def _check_home(settings: Settings) -> Finding:
    try:
        with staging_area(settings.home, owner="doctor"):
            return Finding("home", ok=True, detail=settings.home)
    except GeneMambaError as error:
        return Finding("home", ok=False, detail=str(error))


def _check_space(settings: Settings) -> Finding:
    free = free_bytes(settings.home)
    if free is None:
        return Finding("space", ok=True, detail="an object store, not measured")
    return Finding("space", ok=free >= LOW_SPACE_BYTES, detail=f"{free / GIB:.1f} GiB free")


def _check_catalog(settings: Settings) -> Finding:
    try:
        with Catalog.open(settings.catalog_url) as catalog:
            atlases = len(catalog.atlases())
    except GeneMambaError as error:
        return Finding("catalog", ok=False, detail=str(error))
    url = _without_password(settings.catalog_url)
    return Finding("catalog", ok=True, detail=f"{url}: {atlases} atlases")


def _release(version: str) -> tuple[int, ...]:
    """Return major and minor number; nothing where the distribution is absent."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _without_password(url: str) -> str:
    return re.sub(r"://[^/]*@", "://***@", url)
