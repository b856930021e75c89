"""Tables of labels are read as people write them, and refused with the line that is wrong."""

import gzip
import hashlib

import pytest

from genemamba.annotation.label_file import read_label_file
from genemamba.errors import SourceError

ROWS = "cell_id,label\nab:c1,MAIT\nab:c2, MAIT \n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("new.csv", ROWS.encode()),
        ("new.tsv", ROWS.replace(",", "\t").encode()),
        ("new.csv.gz", gzip.compress(ROWS.encode(), mtime=0)),
        ("named-gz-but-plain.csv.gz", ROWS.encode()),
        ("windows.csv", b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode()),
        ("more.csv", b"note,label,cell_id\n1,MAIT,ab:c1\n\n,MAIT,ab:c2\n"),
    ],
    ids=["CSV", "TSV", "gzipped", "unpacked", "Windows", "more columns, a blank line"],
)
def test_rows_are_read_whatever_the_form(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    file = read_label_file(path)

    assert (file.cell_columns, file.cells) == (("cell_id",), (("ab:c1",), ("ab:c2",)))
    assert file.labels == ("MAIT", "MAIT")
    assert file.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert (file.name, file.size_bytes) == (name, len(content))


def test_cells_may_be_named_as_in_their_deposit(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text('deposit,obs_name,label\nstudy,AAC-1,"MAIT, activated"\n')

    file = read_label_file(path)

    assert file.cell_columns == ("deposit", "obs_name")
    assert (file.cells, file.labels) == ((("study", "AAC-1"),), ("MAIT, activated",))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"cell_id,label\n", "a header without a row"),
        (b"cell,type\nc1,MAIT\n", "the columns 'cell', 'type'"),
        (b"obs_name,label\nc1,MAIT\n", "the columns 'obs_name', 'label'"),
        (b"cell_id,label,label\nc1,MAIT,B\n", "the columns 'cell_id', 'label', 'label'"),
        (b"cell_id,label\nc1,MAIT\nc2\n", "1 rows of another width: line 3"),
        (b"cell_id,label\nc1,MAIT\n,B\nc2, \n", "2 rows without a cell or a label: line 3, 4"),
        (b'cell_id,label\nc1,"MAIT\n', "a broken row after line 2"),
        (b"cell_id,label\nc\xff,MAIT\n", "bytes that are not UTF-8"),
        (gzip.compress(ROWS.encode())[:-9], "a damaged gzip stream"),
    ],
    ids=[
        "empty", "no rows", "other columns", "names without deposit", "a column twice", "torn",
        "gaps", "open quote", "not text", "cut off",
    ],
)  # fmt: skip
def test_what_is_no_table_of_labels_is_refused_with_what_was_found(tmp_path, content, found):
    path = tmp_path / "new.csv"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=f"'cell_id' .* found {found}"):
        read_label_file(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="found one that cannot be read"):
        read_label_file(tmp_path / "absent.csv")
