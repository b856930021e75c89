"""Comparison with the verdicts of the published validator."""

import json

from genemamba.findings import Finding
from tests.atlas.standards.cellxgene.examples import EXAMPLES
from tests.support import ROOT

DOCUMENT = json.loads((ROOT / "tests" / "assets" / "cellxgene_verdicts.json").read_text())
"""Of ``cellxgene-schema`` 7.1.2, made by ``infra/cellxgene/ask_validator.py``."""


def assert_agreement(name: str, findings: list[Finding]) -> None:
    """Check what was found in one example: the same verdict, about the same thing."""
    about, published = EXAMPLES[name].about.lower().split("|"), DOCUMENT["verdicts"][name]
    found = [finding for finding in findings if finding.severity == "error"]
    assert (not found) == published["valid"], (found, published["errors"])
    if found:
        ours = " ".join(finding.message.replace('"', "'") for finding in found).lower()
        theirs = " ".join(published["errors"]).lower()
        assert any(place in ours for place in about), ours
        # What it did not foresee, it does not name.
        if "unexpected validation error" not in theirs:
            assert any(place in theirs for place in about), theirs
