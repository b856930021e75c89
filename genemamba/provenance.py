"""What made a result: code, environment and canonical digests of both."""

import functools
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import genemamba

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What JSON can hold."""

PACKAGE_ROOT: Final = Path(genemamba.__file__).parent
"""Folder of the installed library."""

RECORDED_LIBRARIES: Final = (
    "anndata", "dask", "jax", "numpy", "pandas", "prefect", "scib-metrics",
    "scikit-learn", "scipy", "sqlalchemy", "torch", "umap-learn", "zarr",
)  # fmt: skip
"""Libraries whose version can change a number or a stored byte."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeVersion:
    """Which code ran."""

    entrypoint: str
    """Dotted name of the flow or function."""
    package_version: str
    """Version of this package."""
    git_commit: str | None
    """Commit of the checkout; None for an installed wheel."""
    git_dirty: bool
    """True where the checkout had uncommitted changes."""
    source_digest: str
    """`source_digest` over the modules that decide the result."""


def canonical_json(value: Json) -> str:
    """Serialise so that equal values give equal text: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def sha256_text(text: str) -> str:
    """Return ``sha256:`` and 64 hex digits over the UTF-8 bytes of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def digest_json(value: Json) -> str:
    """Return the digest of a value's canonical JSON."""
    return sha256_text(canonical_json(value))


@functools.cache
def source_digest(*modules: str) -> str:
    """Digest the source of some of this library's modules.

    A stage names the modules that decide its result, so that a change elsewhere redoes nothing
    and a change there is never a false hit.

    Parameters
    ----------
    modules
        Packages or modules relative to ``genemamba``, such as ``"nn"`` or ``"tokens/rank.py"``.
    """
    lines = []
    for module in modules:
        path = PACKAGE_ROOT / module
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            lines.append(f"{file.relative_to(PACKAGE_ROOT).as_posix()}\t{digest}\n")
    return sha256_text("".join(lines))


def code_version(entrypoint: str, modules: Sequence[str]) -> CodeVersion:
    """Describe the running code.

    Parameters
    ----------
    entrypoint
        Dotted name of the flow or function that runs.
    modules
        As for `source_digest`.
    """
    commit, dirty = _git_state()
    return CodeVersion(
        entrypoint=entrypoint,
        package_version=genemamba.__version__,
        git_commit=commit,
        git_dirty=dirty,
        source_digest=source_digest(*modules),
    )


@functools.cache
def environment_spec() -> Mapping[str, Json]:
    """Describe interpreter, platform and the libraries that can change a number."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "libraries": {name: version for name in RECORDED_LIBRARIES if (version := _version(name))},
    }


def library_version(distribution: str) -> str:
    """Return ``name@version`` of an installed distribution, as metrics record it."""
    return f"{distribution}@{_version(distribution) or 'absent'}"


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _git_state() -> tuple[str | None, bool]:
    root = PACKAGE_ROOT.parent
    if not (root / ".git").exists():
        return None, False
    commit = _git(root, "rev-parse", "HEAD")
    return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=no"))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def finite_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return value if math.isfinite(value) else None
