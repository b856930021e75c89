import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genemamba.atlas.cells.repeats import KeySpool

WORDS = st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(keys=st.lists(st.tuples(WORDS, WORDS), max_size=30), cut=st.integers(0, 30))
def test_keys_come_in_order_and_repeated_ones_with_all_their_cells(tmp_path, keys, cut):
    with KeySpool(tmp_path / "keys") as spool:
        for first, part in ((0, keys[:cut]), (cut, keys[cut:])):
            spool.append(np.array(part, dtype=np.uint64).reshape(-1, 2), first_row=first)
        blocks = list(spool.in_order())
        repeated = {tuple(rows.tolist()) for rows in spool.repeated()}

    found = [
        (*key, row)
        for block in blocks
        for key, row in zip(block.keys.tolist(), block.rows.tolist(), strict=True)
    ]
    assert found == sorted((*key, row) for row, key in enumerate(keys))
    cells = {key: tuple(row for row, other in enumerate(keys) if other == key) for key in keys}
    assert repeated == {rows for rows in cells.values() if len(rows) > 1}
