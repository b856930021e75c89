"""The packaged Cell Ontology is one release, whole, and another one can be named."""

import gzip
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import zstandard

from genemamba.errors import SourceError
from genemamba.ontology import tables
from genemamba.ontology.graph import ROOT
from genemamba.ontology.tables import ABOUT, TABLE, load_ontology
from tests.support import package_file

SCRIPT = Path(__file__).parents[2] / "infra" / "build_cell_ontology.py"
PACKAGED = resources.files("genemamba.ontology") / "data"
ENTRY = {"ancestors": {ROOT: 1}, "label": "B cell", "deprecated": False}
CELL = {"ancestors": {}, "label": "cell", "deprecated": False}


def guide(release):
    return package_file("cellxgene_ontology_guide", f"data/CL-ontology-{release}.json.zst")


def write_release(folder, entries):
    path = folder / "CL-ontology-v2030-01-01.json"
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture(scope="module")
def newest():
    content = guide("v2026-03-26").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(content) as stream:
        return json.loads(stream.read())


def test_the_packaged_table_is_what_its_builder_makes(tmp_path):
    command = [sys.executable, SCRIPT, guide("v2026-03-26"), "--out", tmp_path]
    subprocess.run(command, check=True)

    # The compressed bytes depend on the version of zlib.
    assert gzip.decompress((tmp_path / TABLE).read_bytes()) == gzip.decompress(
        (PACKAGED / TABLE).read_bytes()
    )
    assert (tmp_path / ABOUT).read_text() == (PACKAGED / ABOUT).read_text()


def test_release_source_licence_and_digest_are_on_record():
    ontology = load_ontology()
    about = json.loads((PACKAGED / ABOUT).read_text())

    content = gzip.decompress((PACKAGED / TABLE).read_bytes())
    assert ontology.release == about["release"] == "v2026-03-26"
    assert ontology.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert ontology.about == {**about, "digest": ontology.digest}
    assert (about["licence"], about["n_terms"], about["n_deprecated"]) == ("CC-BY-4.0", 3316, 272)


def test_every_term_has_the_ancestors_that_the_package_counted(newest):
    ontology = load_ontology()
    cells = {
        term: entry
        for term, entry in newest.items()
        if not entry["deprecated"] and (1 in entry["ancestors"].values() or term == ROOT)
    }

    assert {term for term in ontology.terms if ontology.is_in_use(term)} == set(cells)
    assert {term: ontology.ancestors(term) for term in cells} == {
        term: frozenset(entry["ancestors"]) for term, entry in cells.items()
    }


def test_only_parts_of_cells_are_left_out(newest):
    left_out = set(newest) - set(load_ontology().terms)

    parts = re.compile("cytoplasm|nucleus|heterochromatin")
    assert len(left_out) == 8
    assert all(parts.search(newest[term]["label"]) for term in left_out)


def test_deprecated_terms_name_their_replacement():
    terms = load_ontology().terms

    assert terms["CL:0000003"].replaced_by == (ROOT,)
    assert terms["CL:0000004"].replaced_by == (ROOT, "CL:0000003", "CL:0001034")
    assert terms["CL:0000236"].synonyms == ("B lymphocyte", "B-cell", "B-lymphocyte")


def test_another_release_is_read_from_its_file():
    older = load_ontology(guide("v2025-07-30"))

    assert older.release == "v2025-07-30"
    assert older.label("CL:0000236") == "B cell"
    assert older.digest != load_ontology().digest
    assert len(older.terms) < len(load_ontology().terms)


def test_the_packaged_release_has_one_digest_from_whatever_file():
    assert load_ontology(guide("v2026-03-26")).digest == load_ontology().digest


def test_a_damaged_table_is_refused():
    content = (PACKAGED / TABLE).read_bytes()
    digest = load_ontology().about["sha256"]

    assert tables._intact(content, digest) == gzip.decompress(content)
    for damaged in (content[:-20], gzip.compress(b"id\tlabel\n")):
        with pytest.raises(SourceError, match=rf"digest {digest}.*Install genemamba-atlas again"):
            tables._intact(damaged, digest)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"CL:1": ENTRY}, f"no term {ROOT}"),
        ({ROOT: CELL, "CL:1": {**ENTRY, "ancestors": {"CL:2": 1}}}, "CL:2 above CL:1"),
        (
            {
                ROOT: CELL,
                "CL:1": {**ENTRY, "ancestors": {"CL:2": 1}},
                "CL:2": {**ENTRY, "ancestors": {"CL:1": 1}},
            },
            "terms that are above themselves",
        ),
        ({ROOT: CELL, "CL:1": {"label": "B cell"}}, "another content .KeyError"),
        ([1, 2], "another content"),
    ],
    ids=["no root", "unknown parent", "cycle", "missing facts", "no object"],
)
def test_a_file_that_is_no_release_is_refused(tmp_path, entries, found):
    with pytest.raises(SourceError, match=rf"CL-ontology-v2030-01-01\.json .*found {found}"):
        load_ontology(write_release(tmp_path, entries))


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    cut = tmp_path / "CL-ontology-v2030-01-01.json.zst"
    cut.write_bytes(guide("v2026-03-26").read_bytes()[:1000])
    text = tmp_path / "CL-ontology-v2030-01-02.json.zst"
    text.write_text("no zstandard")
    for path, found in (
        (cut, "another content"),
        (text, "a damaged zstandard stream"),
        (tmp_path / "CL-ontology-v2030-01-03.json", "one that cannot be read"),
        (tmp_path / "cl.owl", "another name"),
    ):
        with pytest.raises(SourceError, match=f"found {found}.*carries it|{found}"):
            load_ontology(path)


def test_names_lose_the_signs_that_the_table_uses(tmp_path):
    entry = {**ENTRY, "label": "a|b\tc", "synonyms": ["x|y", "x|y"]}
    ontology = load_ontology(write_release(tmp_path, {ROOT: CELL, "CL:1": entry}))

    assert (ontology.label("CL:1"), ontology.terms["CL:1"].synonyms) == ("a/b c", ("x/y",))
    assert tables._parse(tables.render_table(ontology.terms)) == ontology.terms


def test_the_guide_is_only_needed_for_other_releases():
    assert importlib.util.find_spec("zstandard")
    code = "import sys; from genemamba.ontology.tables import load_ontology; load_ontology(); print('zstandard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
