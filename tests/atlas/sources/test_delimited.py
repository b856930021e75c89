"""Text is read field by field as it is written, or refused with the place of the fault."""

import gzip

import pytest

from genemamba.atlas.sources.readers import open_source
from genemamba.errors import SourceError, StorageError


@pytest.fixture
def table(tmp_path):
    """Write a text and return its path."""

    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param(",CD4,ACTB\nc1,1,2,\n", "line 2, column 4", id="trailing_everywhere"),
        pytest.param(",CD4,ACTB\nc1,1,2\nc2,1,2,\n", "line 3, column 4", id="trailing_once"),
        pytest.param(",CD4,ACTB\nc1,,2\n", "line 2, column 2", id="first"),
        pytest.param(",CD4,ACTB,MYC\nc1,1,,2\n", "line 2, column 3", id="middle"),
        pytest.param(",CD4,ACTB,MYC\nc1,1, ,2\n", "line 2, column 3", id="blank"),
        pytest.param(",CD4,ACTB,MYC\nc1,1,\t,2\n", "line 2, column 3", id="tab"),
        pytest.param(',CD4,ACTB,MYC\n"c1","1","","2"\n', "line 2, column 3", id="quoted"),
        pytest.param(",CD4,ACTB\r\nc1,1,\r\n", "line 2, column 3", id="windows"),
        pytest.param(";CD4;ACTB\nc1;1;\n", "line 2, column 3", id="semicolon"),
    ],
)
def test_empty_field_is_refused_with_its_place(table, tmp_path, text, place):
    with pytest.raises(SourceError, match=f"table.csv .*found an empty field in {place}"):
        open_source(table(text), scratch=tmp_path / "scratch")


def test_empty_field_between_tabs_is_refused(table, tmp_path):
    path = table("\tCD4\tACTB\nc1\t1\t2\nc2\t\t1 2\n", "table.tsv")

    with pytest.raises(SourceError, match="an empty field in line 3, column 2"):
        open_source(path, scratch=tmp_path / "scratch")


def test_space_does_not_part_fields_between_tabs(table, tmp_path):
    path = table("\tCD4\tACTB\tMYC\nc1\t1\t2\t3\nc2\t1 2\t3\n", "table.tsv")

    with pytest.raises(SourceError, match="2 numbers instead of 3 in line 3"):
        open_source(path, scratch=tmp_path / "scratch")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param('"gene, id",CD4,ACTB\n"c, 1",1,2\n"c ""2""",3,4\n', "a.csv", id="comma"),
        pytest.param('gene;CD4;ACTB\n"c, 1";1;2\n"c ""2""";3;4\n', "a.csv", id="semicolon"),
        pytest.param('gene\tCD4\tACTB\n"c, 1"\t1\t2\n"c ""2"""\t3\t4\n', "a.tsv", id="tab"),
        pytest.param('gene\tCD4\tACTB\nc, 1\t1\t2\n"c ""2"""\t3\t4\n', "b.tsv", id="unquoted"),
        pytest.param('"CD4","ACTB"\n"c, 1",1,2\n"c ""2""",3,4\n', "a.csv", id="as_r_writes"),
        pytest.param('gene,CD4,ACTB\n\n"c, 1",1,2\n\n"c ""2""",3,4', "a.csv", id="blank_lines"),
    ],
)
def test_quotes_and_delimiters_leave_names_and_columns_as_they_are(table, tmp_path, text, name):
    source = open_source(table(text, name), scratch=tmp_path / "scratch")

    assert source.cells.rows(0, source.n_obs).index.tolist() == ["c, 1", 'c "2"']
    assert source.var.index.tolist() == ["CD4", "ACTB"]
    assert source.rows(0, 2).toarray().tolist() == [[1, 2], [3, 4]]


def test_unknown_delimiter_is_refused_with_those_that_are_understood(table, tmp_path):
    with pytest.raises(SourceError, match=r"found no comma, tab or semicolon .* in line 2"):
        open_source(table("gene|CD4\nc1|1\n"), scratch=tmp_path / "scratch")


def test_damage_inside_a_gzip_stream_is_refused(tmp_path):
    path = tmp_path / "table.csv.gz"
    packed = bytearray(gzip.compress(b",CD4,ACTB\n" + b"c1,1,2\n" * 99, mtime=0))
    packed[10] |= 0b110  # a kind of block that the format does not have
    path.write_bytes(packed)

    with pytest.raises(SourceError, match=r"damaged gzip stream \(.*invalid block type"):
        open_source(path, scratch=tmp_path / "scratch")


def test_scratch_that_cannot_be_written_is_no_fault_of_the_text(table, tmp_path):
    blocked = table("a file where the folder should be", "blocked")

    with pytest.raises(
        StorageError, match=rf"Expected to write under {blocked}/rows-X/lines, found"
    ):
        open_source(table(",CD4\nc1,1\n"), scratch=blocked)
