"""Ask the published ``cellxgene-schema`` validator for its verdict on every example of ours.

It pins an older anndata, and runs in an environment of its own::

    python3 -m venv validator
    validator/bin/pip install cellxgene-schema==7.1.2
    validator/bin/python infra/cellxgene/ask_validator.py

Writes ``tests/assets/cellxgene_verdicts.json``: for each example whether it is valid, and what
the validator says that names what the example is about.
"""

import json
import logging
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from cellxgene_schema.validate import Validator  # noqa: E402  # from the other environment

from tests.atlas.standards.cellxgene.examples import EXAMPLES, Example  # noqa: E402  # by the path above


def ask(example: Example, path: Path) -> dict[str, object]:
    """Return the verdict on one example."""
    example.make().write_h5ad(path)
    validator = Validator()
    validator.reset()
    try:
        validator.validate_adata(path)
    except SystemExit:  # how it tells that it cannot read a file
        validator.errors = ["ERROR: the file cannot be read"]
    errors = [error.removeprefix("ERROR: ").splitlines()[0][:160] for error in validator.errors]
    return {"valid": not errors, "errors": errors[:3]}


def main() -> None:
    """Write the verdicts."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        verdicts = {
            name: ask(example, Path(folder) / "example.h5ad") for name, example in EXAMPLES.items()
        }
    versions = {name: version(name) for name in ("cellxgene-schema", "cellxgene-ontology-guide")}
    document = {"versions": versions, "verdicts": verdicts}
    target = ROOT / "tests" / "assets" / "cellxgene_verdicts.json"
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
