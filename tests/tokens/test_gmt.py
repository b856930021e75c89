"""GMT files: what is read of them, and what is none."""

import hashlib

import pytest

from genemamba.errors import SourceError
from genemamba.tokens.gmt import read_gmt


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "sets.gmt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_names_and_genes_are_read_and_the_bytes_are_digested(write):
    text = "T cells\thttp://x\tCD3D\tCD3E\r\n\nB cells\t\t CD19 \tMS4A1\t\t\n"

    file = read_gmt(write(text))

    assert file.sets == {"T cells": ("CD3D", "CD3E"), "B cells": ("CD19", "MS4A1")}
    assert file.digest == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param("a\tb\tG1\nname only\n", "1 fields and 0 genes in line 2", id="no tabs"),
        pytest.param(
            "a\tb\tG1\n\nc\tdescription\n", "2 fields and 0 genes in line 3", id="no gene"
        ),
        pytest.param("\tb\tG1\n", "3 fields and 1 genes in line 1", id="no name"),
        pytest.param("gene,set\nCD19,B\n", "1 fields and 0 genes in line 1", id="csv"),
        pytest.param("a\t\tG1\na\t\tG2\n", "'a' for the second time in line 2", id="doubled"),
        pytest.param("\n\n", "found no gene set", id="empty"),
        pytest.param(b"\x1f\x8b\x08\x00\xff", "cannot be read as text", id="binary"),
    ],
)
def test_what_is_no_gmt_is_refused_by_line(write, content, found):
    with pytest.raises(SourceError, match=r"Expected lines of a gene set's name") as refused:
        read_gmt(write(content))

    assert found in str(refused.value)
    assert refused.value.rule == "gene-sets-no-gmt"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"cannot be read as text .*No such file"):
        read_gmt(tmp_path / "sets.gmt")


@pytest.mark.parametrize(
    ("name", "n_sets", "first"),
    [
        ("ReactomePathways.gmt", 2681, "2-LTR circle formation"),
        ("h.all.v2023.1.Hs.symbols.gmt", 50, "HALLMARK_TNFA_SIGNALING_VIA_NFKB"),
    ],
    ids=["Reactome", "MSigDB"],
)
def test_published_files_are_read_whole(data_dir, name, n_sets, first):
    sets = read_gmt(data_dir / name).sets

    lines = (data_dir / name).read_text().splitlines()
    assert (len(sets), next(iter(sets))) == (n_sets, first)
    assert sum(map(len, sets.values())) == sum(line.count("\t") - 1 for line in lines)
