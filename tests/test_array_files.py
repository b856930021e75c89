"""Arrays on disk, read by many threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from genemamba.array_files import map_array, read_arrays


def test_threads_read_the_same_files_at_once(tmp_path):
    expected = {"a": np.arange(5, dtype=np.uint64), "b": np.eye(3)}
    np.savez(tmp_path / "several.npz", **expected)
    np.save(tmp_path / "one.npy", expected["b"])

    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(lambda _: read_arrays(tmp_path / "several.npz"), range(200)))
        mapped = list(threads.map(lambda _: map_array(tmp_path / "one.npy"), range(200)))

    assert all(found.keys() == expected.keys() for found in read)
    assert all((found[name] == expected[name]).all() for found in read for name in expected)
    assert all(isinstance(found, np.memmap) and (found == expected["b"]).all() for found in mapped)
