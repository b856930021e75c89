"""The README against the tree it describes."""

import re

from tests.support import ROOT

README = (ROOT / "README.md").read_text()


def test_every_file_that_the_readme_links_is_there():
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_first_commands_stand_before_line_25():
    lines = README.splitlines()[:25]

    assert [line.split()[:2] for line in lines if line.startswith("make ")] == [
        ["make", "demo"],
        ["make", "test"],
    ]
