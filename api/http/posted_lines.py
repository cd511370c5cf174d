"""The lines of a request's body, in flat memory: unpacked with a bound, cut at line feeds, overlong lines cut short."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import pyarrow as pa

from api.http.problems import RefusedError

_PIECE_BYTES = 256 * 1024


class Readable(Protocol):
    """Something that gives at most so many bytes, and none at its end."""

    def read(self, size: int, /) -> bytes: ...


class ChunkReader(io.RawIOBase):
    """A file over chunks as they arrive; `next_chunk` gives an empty one at the end."""

    def __init__(self, next_chunk: Callable[[], bytes]) -> None:
        self._next_chunk = next_chunk
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not self._rest:
            self._rest = memoryview(self._next_chunk())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def unpacked(next_chunk: Callable[[], bytes], encoding: str) -> Readable:
    """The body's bytes. Raises: RefusedError, for an encoding that isn't known."""
    packed = io.BufferedReader(ChunkReader(next_chunk), _PIECE_BYTES)
    match encoding.strip().lower():
        case "" | "identity":
            return packed
        case "gzip" | "x-gzip":
            return gzip.GzipFile(fileobj=packed, mode="rb")
        case "zstd":
            return pa.CompressedInputStream(packed, "zstd")  # unlike `zstandard`'s, it says when data was cut off
    raise RefusedError(
        415,
        "encoding",
        f"content-encoding {encoding[:40]!r} isn't known; send gzip, zstd or none",
        headers={"Accept-Encoding": "gzip, zstd, identity"},
    )


def posted_lines(body: Readable, max_line_bytes: int, max_bytes: int) -> Iterator[bytes]:
    """Lines without their line feeds. One that is longer than `max_line_bytes` is cut right behind that, which is how
    the reader sees that it was too long.

    Raises: RefusedError, for broken compression, and for a body that is longer unpacked than `max_bytes`.
    """
    line = bytearray()
    is_cut = False
    for piece in pieces(body, max_bytes):
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            _append(line, piece[start:end], max_line_bytes)
            yield bytes(line)
            line.clear()
            start = end + 1
        _append(line, piece[start:], max_line_bytes)
        is_cut = piece[-1:] != b"\n"
    if is_cut:
        yield bytes(line)


def _append(line: bytearray, part: bytes, max_line_bytes: int) -> None:
    room = max_line_bytes + 1 - len(line)
    if room > 0:
        line += part[:room]


def pieces(body: Readable, max_bytes: int) -> Iterator[bytes]:
    """Raises: RefusedError, for broken compression, and for a body that is longer unpacked than `max_bytes`."""
    total = 0
    try:
        while piece := body.read(_PIECE_BYTES):
            total += len(piece)
            if total > max_bytes:
                said = f"the logs are longer than {max_bytes:,} bytes, unpacked; send them in several requests"
                raise RefusedError(413, "too_long", said)
            yield piece
    except (EOFError, zlib.error, OSError) as error:
        said = "the body's compression is broken or cut off; pack it again and post it under the same request id"
        raise RefusedError(400, "compression", said) from error
