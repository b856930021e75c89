"""``genemamba ontology``: what the Cell Ontology says, and which of its terms labels mean."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from genemamba.cli.output import json_option, print_json, print_note, print_table, print_text
from genemamba.cli.session import open_catalog
from genemamba.errors import InputError

ontology_option = click.option(
    "--ontology",
    "release_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Another release: CL-ontology-RELEASE.json.zst of the package cellxgene-ontology-guide.",
)


@click.group(short_help="Look terms up, and map labels to them.")
def ontology() -> None:
    """Look up terms of the Cell Ontology, and propose those that authors' labels mean."""


@ontology.command("map")
@click.option(
    "--atlas",
    "name",
    required=True,
    metavar="NAME[@NUMBER]",
    help="Name of the atlas, or one of its versions, such as lung@3.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.tsv",
    help="File to write; of one that is there, the rows with reviewed=yes are kept.",
)
@ontology_option
@json_option
def map_labels(*, name: str, out: Path, release_file: Path | None, as_json: bool) -> None:
    """Propose a Cell Ontology term for each label of an atlas, in a file to be reviewed.

    Terms found by a rule are used as they are. A fuzzy-suggestion is used only when a person
    sets reviewed=yes in its row, after correcting the id where it is wrong.
    """
    from genemamba.ontology.mapping_file import (
        propose_mapping,
        read_label_mapping,
        write_label_mapping,
    )
    from genemamba.ontology.tables import load_ontology

    release = load_ontology(release_file)
    if not out.parent.is_dir():
        raise InputError(
            expected="a path in a folder of this machine",
            found=str(out),
            remedy="Choose another path.",
            rule="delivery-path",
        )
    kept = read_label_mapping(out, release).rows if out.exists() else ()
    ref, counts = _count_labels(name)
    rows = propose_mapping(counts, release, kept=kept)
    write_label_mapping(rows, out)
    by_method = Counter(row.method for row in rows)
    waiting = [row for row in rows if row.cl_id and not row.is_used]
    if as_json:
        print_json(
            {
                "atlas": ref,
                "ontology": {"release": release.release, "digest": release.digest},
                "out": str(out),
                "n_labels": len(rows),
                "n_reviewed": sum(row.is_reviewed for row in rows),
                "n_to_review": len(waiting),
                "methods": dict(sorted(by_method.items())),
                "labels": [row._asdict() for row in rows],
            }
        )
        return
    print_table(
        ["label", "cells", "id", "term", "method", "used"],
        [
            [row.label, row.n_cells, row.cl_id or None, row.cl_label or None, row.method,
             "yes" if row.is_used else "no"]
            for row in rows
        ],
        title=f"{ref}, Cell Ontology {release.release}",
    )  # fmt: skip
    print_note(f"{out}: {len(waiting)} suggestions wait for reviewed=yes.")


@ontology.command("show")
@click.argument("term_id", metavar="ID")
@ontology_option
@json_option
def show_term(term_id: str, *, release_file: Path | None, as_json: bool) -> None:
    """Show a term, such as CL:0000624: its names, what is above it, and what replaced it."""
    from genemamba.ontology.tables import load_ontology

    release = load_ontology(release_file)
    term = release.terms.get(term_id)
    if term is None:
        raise InputError(
            expected=f"an id of the Cell Ontology {release.release}, such as CL:0000236",
            found=term_id,
            remedy="Look the id up at https://www.ebi.ac.uk/ols4/ontologies/cl.",
            rule="ontology-term",
        )
    above = () if term.deprecated else release.ancestors(term_id)
    ancestors = sorted(above, key=lambda one: (-release.depth(one), one))
    document = {
        "id": term_id,
        **term._asdict(),
        "ancestors": {one: release.label(one) for one in ancestors},
        "n_descendants": 0 if term.deprecated else len(release.descendants(term_id)),
        "release": release.release,
    }
    if as_json:
        print_json(document)
        return
    print_text(f"{term_id} {term.label}{' (deprecated)' if term.deprecated else ''}")
    print_text(f"also: {', '.join(term.synonyms) or '-'}")
    if term.deprecated:
        print_text(f"replaced by: {' or '.join(term.replaced_by) or '-'}")
        return
    print_table(["above it", "name"], [[one, release.label(one)] for one in ancestors])
    print_text(f"{document['n_descendants']} terms below it; Cell Ontology {release.release}")


def _count_labels(name: str) -> tuple[str, Mapping[str, int]]:
    """Return the name of an atlas version, and its cells by label."""
    from genemamba import keys
    from genemamba.atlas.versions.manifests import read_manifest
    from genemamba.atlas.versions.view import AtlasView

    with open_catalog() as catalog:
        version = catalog.dataset_version(name)
    view = AtlasView.open(read_manifest(version.artifact.uri))
    counts = view.obs[keys.CELL_TYPE].astype(str).value_counts()
    return version.ref, {str(label): int(n) for label, n in counts.items() if n}
