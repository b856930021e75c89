import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genemamba.atlas.cells.files import CellColumn, open_columns
from genemamba.errors import StorageError


@pytest.fixture
def column(tmp_path):
    return open_columns(tmp_path, {"hash": ("<u8", 2), "length": ("<i8", 1)})


def test_parts_written_in_any_order_read_back_in_any_range(column):
    column["hash"].write(2, np.array([[5, 6]]))
    column["hash"].write(0, np.array([[1, 2], [3, 4]]))

    assert len(column["hash"]) == 3
    assert column["hash"].read(1, 3).tolist() == [[3, 4], [5, 6]]
    assert column["hash"][:2].tolist() == [[1, 2], [3, 4]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(lengths=st.lists(st.integers(0, 3), min_size=1, max_size=40), value=st.integers(0, 60))
def test_search_finds_the_last_pointer_that_is_no_greater(column, monkeypatch, lengths, value):
    monkeypatch.setattr("genemamba.atlas.cells.files.BINARY_SEARCH_N", 4)
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    column["length"].path.unlink(missing_ok=True)
    column["length"].write(0, pointers)

    assert column["length"].last_at_most(value) == max(np.flatnonzero(pointers <= value))


def test_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    column = CellColumn(path=tmp_path / "file" / "x.bin", dtype="<i8")

    with pytest.raises(StorageError, match="Expected to write under"):
        column.write(0, np.zeros(1))
