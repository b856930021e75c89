import itertools

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genemamba.atlas.geometry import ShardGrid
from genemamba.atlas.ingest.shard_bytes import ShardDecoder, ShardEncoder, array_options
from genemamba.errors import StoreError


def encode(values, grid, *, cut=None):
    encoder = ShardEncoder(grid, values.dtype)
    for part in (values[:cut], values[cut:]) if cut else (values,):
        encoder.append(part)
    return encoder.finish()


def write_array(path, values, grid):
    root = zarr.open_group(path, mode="w", zarr_format=3)
    root.create_array("a", dtype=values.dtype, **array_options(grid))
    for number, (low, high) in enumerate(grid.ranges()):
        chunk = path / "a" / "c" / str(number)
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(encode(values[low:high], grid))
    return root["a"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    size=st.integers(1, 200),
    chunk=st.integers(1, 40),
    n_chunks=st.integers(1, 5),
    cut=st.integers(1, 100),
    dtype=st.sampled_from(["f4", "f8", "i4"]),
)
def test_zarr_reads_the_values_that_were_encoded_and_so_does_the_decoder(
    tmp_path, size, chunk, n_chunks, cut, dtype
):
    grid = ShardGrid(size=size, chunk=chunk, shard=chunk * n_chunks)
    values = np.random.default_rng(size).integers(0, 300, size).astype(dtype)

    array = write_array(tmp_path, values, grid)

    np.testing.assert_array_equal(array[:], values)
    low, high = grid.ranges()[-1]
    content = encode(values[low:high], grid, cut=cut)
    decoder, places = ShardDecoder(content, grid, values.dtype), [0, cut, 2 * cut + 1, high - low]
    for start, stop in itertools.pairwise(sorted(min(place, high - low) for place in places)):
        np.testing.assert_array_equal(decoder.read(start, stop), values[low + start : low + stop])


@pytest.mark.parametrize(
    "pipeline", ["zarr.core.codec_pipeline.BatchedCodecPipeline", "zarrs.ZarrsCodecPipeline"]
)
@pytest.mark.parametrize(
    "place", [3, 700, -30, -2], ids=["chunk", "later_chunk", "index", "checksum"]
)
def test_one_flipped_bit_is_an_error_for_zarr_and_for_the_decoder(tmp_path, pipeline, place):
    if pipeline.startswith("zarrs"):
        pytest.importorskip("zarrs")
    grid = ShardGrid(size=4000, chunk=1000, shard=4000)
    values = np.random.default_rng(0).integers(0, 300, 4000).astype("f4")
    write_array(tmp_path, values, grid)
    path = tmp_path / "a" / "c" / "0"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    with zarr.config.set({"codec_pipeline.path": pipeline}):
        array = zarr.open_group(tmp_path, mode="r")["a"]
        with pytest.raises((ValueError, RuntimeError), match=r"(?i)checksum|crc"):
            array[:]
    with pytest.raises(StoreError, match="as it was written, found other bytes"):
        ShardDecoder(bytes(content), grid, np.dtype("f4")).read(0, 4000)
