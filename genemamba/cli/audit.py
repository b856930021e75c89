"""``genemamba audit``: whether what is recorded still is what lies there."""

from typing import Final

import click

from genemamba.catalog.auditing import REMEDY, ArtifactFault, AuditReport, verify_artifacts
from genemamba.cli.output import json_option, print_json, print_note, print_table, print_text
from genemamba.cli.progress import progress_bar
from genemamba.cli.session import open_catalog
from genemamba.provenance import Json
from genemamba.storage import join_url

EXIT_FAULTS: Final = 1
"""Something is not as recorded."""


@click.group(short_help="Prove that nothing was changed.")
def audit() -> None:
    """Prove that nothing was changed since it was recorded."""


@audit.command("verify")
@click.option("--atlas", metavar="NAME", help="Only the versions of this atlas, and their sources.")
@click.option(
    "--no-deposits", is_flag=True, help="Leave out deposits, which their owners may have moved."
)
@json_option
def verify(*, atlas: str | None, no_deposits: bool, as_json: bool) -> None:
    """Read every recorded file again, and name those that are missing, changed or added.

    Exits 0 where all is as recorded and 1 where something is not.
    """
    with open_catalog() as catalog, progress_bar("reading artifacts") as bar:
        skipped = ("deposit",) if no_deposits else ()
        report = verify_artifacts(catalog, atlas=atlas, skipped_kinds=skipped, progress=bar)
    if as_json:
        print_json(_document(report))
    else:
        _show(report)
    raise SystemExit(0 if report.ok else EXIT_FAULTS)


def _show(report: AuditReport) -> None:
    size = f"{report.n_artifacts} artifacts, {report.size_bytes / 1e6:,.1f} MB"
    if report.ok:
        print_text(f"{size}: all as recorded")
        return
    print_table(
        ["file", "found", "artifact", "kind"],
        [
            [_url(fault), fault.file.fault, _short(fault), fault.location.kind]
            for fault in report.faults
        ],
    )
    print_text("")
    print_text(f"{size}: {len(report.faults)} files are not as recorded")
    print_note(f"genemamba: {REMEDY}")


def _document(report: AuditReport) -> dict[str, Json]:
    return {
        "ok": report.ok,
        "artifacts": report.n_artifacts,
        "size_bytes": report.size_bytes,
        "faults": [
            {
                "file": _url(fault),
                "fault": fault.file.fault,
                "expected": fault.file.expected,
                "found": fault.file.found,
                "path": fault.file.path,
                "artifact": fault.location.digest,
                "kind": fault.location.kind,
                "uri": fault.location.uri,
            }
            for fault in report.faults
        ],
        "remedy": None if report.ok else REMEDY,
    }


def _url(fault: ArtifactFault) -> str:
    uri, path = fault.location.uri, fault.file.path
    return join_url(uri, path) if path else uri


def _short(fault: ArtifactFault) -> str:
    return fault.location.digest.removeprefix("sha256:")[:12]
