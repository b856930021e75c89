"""Builds the packaged table of the Cell Ontology from a package on PyPI.

::

    python infra/build_cell_ontology.py CL-ontology-RELEASE.json.zst [--out FOLDER]

The file is in the folder ``data`` of the installed package ``cellxgene-ontology-guide``. The same
file gives the same table, byte for byte.
"""

import argparse
import gzip
import importlib.metadata
import json
from pathlib import Path
from typing import Final

from genemamba.ontology.tables import ABOUT, TABLE, describe, read_guide, render_table

OUTPUT: Final = Path(__file__).parent.parent / "genemamba" / "ontology" / "data"
"""The package's own folder of data."""

PACKAGE: Final = "cellxgene-ontology-guide"
"""Takes ids, labels, exact synonyms and ancestors from ``cl.owl`` of a release (MIT)."""


def main() -> None:
    """Write the table and the JSON that says what it was made from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="CL-ontology-RELEASE.json.zst of the package")
    parser.add_argument("--out", type=Path, default=OUTPUT, help="folder to write to")
    arguments = parser.parse_args()
    release, terms, source = read_guide(arguments.file)
    package = f"{PACKAGE} {importlib.metadata.version(PACKAGE)}"
    about = describe(terms, release=release, source={"package": package, **source})
    arguments.out.mkdir(exist_ok=True)
    (arguments.out / TABLE).write_bytes(gzip.compress(render_table(terms), 9, mtime=0))
    (arguments.out / ABOUT).write_text(json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
