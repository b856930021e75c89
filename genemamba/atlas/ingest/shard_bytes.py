"""The bytes of one shard of a Zarr v3 array of one dimension, built chunk by chunk.

Zarr's own writer keeps a shard's values in memory and encodes them in one thread; the Rust one
puts chunks in the order in which they are done, so that equal arrays have unequal bytes.

References
----------
Zarr v3 sharding codec 1.0 (index at the end, bytes and crc32c), blosc codec 1.0, crc32c codec 1.0.
"""

import struct
from typing import Any, Final

import google_crc32c
import numpy as np
from numcodecs import Blosc
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

from genemamba.atlas.geometry import ShardGrid
from genemamba.errors import StoreError

CNAME: Final = "lz4"
"""Three times the speed of zstd on counts, for a tenth more bytes (benchmarks/ingest.py)."""

CLEVEL: Final = 5
"""Blosc's own default."""

_MISSING: Final = 2**64 - 1
"""Offset and size of a chunk that a shard does not have."""


def array_options(grid: ShardGrid) -> dict[str, Any]:
    """Return the options of ``zarr.Group.create_array`` for an array of such shards.

    Each chunk ends with a checksum, so that a flipped bit is an error and not another count.

    Parameters
    ----------
    grid
        Cut of the array.
    """
    return {
        "shape": (grid.size,),
        "chunks": (grid.chunk,),
        "shards": (grid.shard,),
        "compressors": [
            BloscCodec(cname=CNAME, clevel=CLEVEL, shuffle="bitshuffle"),
            Crc32cCodec(),
        ],
        "filters": None,
        "serializer": BytesCodec(endian="little"),
        "fill_value": 0,
    }


class ShardEncoder:
    """Takes the values of a shard in order and encodes every chunk as soon as it is full.

    Parameters
    ----------
    grid
        Cut of the array.
    dtype
        Type of its values; written little-endian.
    """

    def __init__(self, grid: ShardGrid, dtype: np.dtype) -> None:
        self._n_chunks = grid.shard // grid.chunk
        self._buffer = np.zeros(grid.chunk, dtype=dtype.newbyteorder("<"))
        self._filled = 0
        self._blosc = Blosc(cname=CNAME, clevel=CLEVEL, shuffle=Blosc.BITSHUFFLE)
        self._parts: list[bytes] = []
        self._index: list[int] = []
        self._offset = 0

    def append(self, values: np.ndarray) -> None:
        """Add values behind those before.

        Parameters
        ----------
        values
            Shape ``(n,)``, of any type that the shard's holds exactly.
        """
        done = 0
        while done < len(values):
            n_new = min(len(values) - done, len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + n_new] = values[done : done + n_new]
            self._filled, done = self._filled + n_new, done + n_new
            if self._filled == len(self._buffer):
                self._encode()

    def finish(self) -> bytes:
        """Return the whole shard, its last chunk filled up with zeros."""
        if self._filled:
            self._buffer[self._filled :] = 0
            self._encode()
        absent = [_MISSING] * (2 * self._n_chunks - len(self._index))
        index = struct.pack(f"<{2 * self._n_chunks}Q", *self._index, *absent)
        return b"".join([*self._parts, index, _checksum(index)])

    def _encode(self) -> None:
        content = bytes(self._blosc.encode(self._buffer))
        content += _checksum(content)
        self._parts.append(content)
        self._index += [self._offset, len(content)]
        self._offset += len(content)
        self._filled = 0


class ShardDecoder:
    """Gives the values of a shard range by range, so that memory holds few of them decoded.

    Parameters
    ----------
    content
        From `ShardEncoder.finish`.
    grid
        Cut of the array.
    dtype
        Type of its values.

    Raises
    ------
    StoreError
        The checksum of the index is not that of its bytes.
    """

    def __init__(self, content: bytes, grid: ShardGrid, dtype: np.dtype) -> None:
        n_chunks = grid.shard // grid.chunk
        self._view = memoryview(content)
        self._chunk = grid.chunk
        self._dtype = dtype.newbyteorder("<")
        self._blosc = Blosc()
        # The chunk in which one range ends is the one in which the next begins.
        self._last = -1, np.empty(0, dtype=self._dtype)
        index, found = self._view[-16 * n_chunks - 4 : -4], self._view[-4:]
        if _checksum(index) != found:
            msg = "Expected the index of a shard as it was written, found other bytes."
            raise StoreError(msg)
        places = np.frombuffer(index, dtype="<u8").reshape(-1, 2)
        self._places = places[places[:, 0] != _MISSING].astype(np.int64).tolist()

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the values from ``start`` to ``stop``, counted from the shard's first.

        Raises
        ------
        StoreError
            The checksum of a chunk is not that of its bytes.
        """
        values = np.empty(stop - start, dtype=self._dtype)
        for number in range(start // self._chunk, -(-stop // self._chunk)):
            first = number * self._chunk
            low, high = max(start, first), min(stop, first + self._chunk)
            if high - low == self._chunk:
                self._decode(number, values[low - start : high - start])
                continue
            if self._last[0] != number:
                self._last = number, np.empty(self._chunk, dtype=self._dtype)
                self._decode(number, self._last[1])
            values[low - start : high - start] = self._last[1][low - first : high - first]
        return values

    def _decode(self, number: int, out: np.ndarray) -> None:
        offset, size = self._places[number]
        chunk = self._view[offset : offset + size]
        if _checksum(chunk[:-4]) != chunk[-4:]:
            msg = f"Expected chunk {number} of a shard as it was written, found other bytes."
            raise StoreError(msg)
        self._blosc.decode(chunk[:-4], out=out)


def _checksum(content: bytes | memoryview) -> bytes:
    return struct.pack("<I", google_crc32c.value(bytes(content)))
