"""Reads the Cell Ontology from the packaged table, or from a file of another release."""

import functools
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from pathlib import Path
from typing import Any, Final

from genemamba.errors import SourceError
from genemamba.ontology.graph import ROOT, CellOntology, Term
from genemamba.provenance import Json

TABLE: Final = "cell_ontology.tsv.gz"
"""The packaged terms."""

ABOUT: Final = "cell_ontology.json"
"""What `TABLE` was made from, and its digest."""

COLUMNS: Final = ("id", "label", "synonyms", "parents", "replaced_by", "deprecated")
"""Of the table, tab-separated; several values of one column are joined by ``|``."""

FILE_NAME: Final = re.compile(r"CL-ontology-(v[0-9-]+)\.json(\.zst|\.gz)?")
"""Name of a release in the package ``cellxgene-ontology-guide``, which says the release."""

LICENCE: Final = "CC-BY-4.0"
"""Of the Cell Ontology, whoever packages it (https://obofoundry.org/ontology/cl.html)."""

SOURCE: Final = "https://github.com/obophenotype/cell-ontology"
"""Where the Cell Ontology comes from; doi:10.1186/s13326-016-0088-7."""


def load_ontology(path: Path | None = None) -> CellOntology:
    """Load the packaged release of the Cell Ontology, or another one from a file.

    Parameters
    ----------
    path
        ``CL-ontology-RELEASE.json.zst`` as the package ``cellxgene-ontology-guide`` carries it for
        several releases, compressed or not; None means the packaged table.

    Raises
    ------
    SourceError
        The file cannot be read or is none; or the packaged table is damaged.
    """
    if path is None:
        return _packaged()
    release, terms, source = read_guide(path)
    return _ontology(terms, describe(terms, release=release, source=source))


def render_table(terms: Mapping[str, Term]) -> bytes:
    """Write terms as the table that is packaged; equal terms give equal bytes."""
    lines = ["\t".join(COLUMNS)]
    for term_id in sorted(terms):
        term = terms[term_id]
        several = (term.synonyms, term.parents, term.replaced_by)
        lines.append(
            "\t".join(
                [term_id, term.label, *map("|".join, several), "yes" if term.deprecated else ""]
            )
        )
    return "\n".join([*lines, ""]).encode()


def describe(terms: Mapping[str, Term], *, release: str, source: Json) -> dict[str, Json]:
    """Say what a table of terms is: release, numbers of terms, digest, source and licence."""
    n_deprecated = sum(term.deprecated for term in terms.values())
    return {
        "ontology": "Cell Ontology (CL)",
        "release": release,
        "n_terms": len(terms) - n_deprecated,
        "n_deprecated": n_deprecated,
        "sha256": hashlib.sha256(render_table(terms)).hexdigest(),
        "licence": LICENCE,
        "url": SOURCE,
        "source": source,
    }


def read_guide(path: Path) -> tuple[str, dict[str, Term], dict[str, Json]]:
    """Read a release from a file of the package ``cellxgene-ontology-guide``.

    The package gives, for each term, its ancestors with their distance; parents are those one step
    above. It counts parts of a cell, such as cytoplasms, as below ``cell``, with nothing in
    between; these are not cells, and left out with every other term in use that has no parent.

    Parameters
    ----------
    path
        Named ``CL-ontology-RELEASE.json``, with ``.zst`` or ``.gz`` where compressed.

    Returns
    -------
    The release, its terms by id, and the source with its digest.

    Raises
    ------
    SourceError
        The file cannot be read, or is none.
    """
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise _refused(path, "another name")
    content = _content(path)
    try:
        entries = json.loads(content)
        terms = {term_id: _term(entries[term_id]) for term_id in sorted(entries)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(path, f"another content ({type(error).__name__}: {error})") from error
    kept = {
        term_id: term
        for term_id, term in terms.items()
        if term.deprecated or term.parents or term_id == ROOT
    }
    _check_graph(path, kept)
    digest = hashlib.sha256(content).hexdigest()
    return match[1], kept, {"file": path.name, "sha256_uncompressed": digest}


@functools.cache
def _packaged() -> CellOntology:
    folder = resources.files("genemamba.ontology") / "data"
    about = json.loads((folder / ABOUT).read_text())
    content = _intact((folder / TABLE).read_bytes(), about["sha256"])
    return _ontology(_parse(content), about)


def _intact(packed: bytes, digest: str) -> bytes:
    """Return the packaged table, if it is what was packaged."""
    try:
        content = gzip.decompress(packed)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        content = b""
    found = hashlib.sha256(content).hexdigest()
    if found == digest:
        return content
    raise SourceError(
        expected=f"the packaged table of the Cell Ontology to have the digest {digest}",
        found=found,
        remedy="Install genemamba-atlas again.",
        rule="ontology-damaged",
    )


def _ontology(terms: Mapping[str, Term], about: Mapping[str, Json]) -> CellOntology:
    digest = f"sha256:{about['sha256']}"
    return CellOntology(
        release=str(about["release"]),
        digest=digest,
        about={**about, "digest": digest},
        terms=terms,
    )


def _parse(content: bytes) -> dict[str, Term]:
    rows = (line.rstrip("\n").split("\t") for line in io.StringIO(content.decode()))
    next(rows)
    return {
        term_id: Term(
            label=label,
            synonyms=_several(synonyms),
            parents=_several(parents),
            deprecated=bool(deprecated),
            replaced_by=_several(replaced_by),
        )
        for term_id, label, synonyms, parents, replaced_by, deprecated in rows
    }


def _several(joined: str) -> tuple[str, ...]:
    return tuple(joined.split("|")) if joined else ()


def _term(entry: Mapping[str, Any]) -> Term:
    deprecated = bool(entry["deprecated"])
    replacements = [entry["replaced_by"]] if "replaced_by" in entry else entry.get("consider", ())
    parents = (ancestor for ancestor, distance in entry["ancestors"].items() if distance == 1)
    return Term(
        label=_plain(entry["label"]),
        synonyms=tuple(sorted({_plain(name) for name in entry.get("synonyms", ())})),
        parents=() if deprecated else tuple(sorted(parents)),
        deprecated=deprecated,
        replaced_by=tuple(replacements) if deprecated else (),
    )


def _plain(name: str) -> str:
    """Return a name without the signs that the table uses."""
    return " ".join(name.replace("|", "/").split())


def _check_graph(path: Path, terms: Mapping[str, Term]) -> None:
    if ROOT not in terms or terms[ROOT].deprecated:
        raise _refused(path, f"no term {ROOT}")
    in_use = {term_id for term_id, term in terms.items() if not term.deprecated}
    for term_id in sorted(in_use):
        for parent in terms[term_id].parents:
            if parent not in in_use:
                raise _refused(path, f"{parent} above {term_id}, which is no term in use")
    try:
        TopologicalSorter({term_id: terms[term_id].parents for term_id in in_use}).prepare()
    except CycleError as error:
        raise _refused(path, f"terms that are above themselves: {error.args[1][:3]}") from error


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _refused(path, f"a damaged gzip stream ({error})") from error
    except OSError as error:
        raise _refused(path, f"one that cannot be read ({error.strerror})") from error
    return _decompress_zstandard(path, content) if path.suffix == ".zst" else content


def _decompress_zstandard(path: Path, content: bytes) -> bytes:
    try:
        import zstandard  # comes with the extra
    except ModuleNotFoundError as error:
        found = f"{path.name}, and no package zstandard to read it with"
        raise SourceError(
            expected="a file that can be decompressed here",
            found=found,
            remedy="Install it with pip install 'genemamba-atlas[cellxgene]'.",
        ) from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)) as stream:
            return bytes(stream.read())
    except zstandard.ZstdError as error:
        raise _refused(path, f"a damaged zstandard stream ({error})") from error


def _refused(path: Path, found: str) -> SourceError:
    return SourceError(
        expected=f"{path} to be a release of the Cell Ontology named "
        "CL-ontology-RELEASE.json.zst, as the package cellxgene-ontology-guide carries it",
        found=found,
        remedy="Name such a file, or none for the release that comes with this program.",
        rule="ontology-file",
    )
