"""The lines of a request's body, in flat memory: unpacked with a bound, cut at line feeds, overlong lines cut short."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from api.http.problems import RefusedError

_PIECE_BYTES = 256 * 1024
_FREE_BYTES = 1_000_000  # small posts may be packed as well as they can


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


@dataclass(frozen=True, slots=True)
class PostLimits:
    """How much a post may hold."""

    line_bytes: int
    bytes: int  # unpacked
    lines: int
    ratio: float  # of unpacked to packed bytes; the first `_FREE_BYTES` are free


class Packed:
    """Counts the bytes as they came, before they are unpacked."""

    def __init__(self, next_chunk: Callable[[], bytes]) -> None:
        self._next_chunk = next_chunk
        self.count = 0

    def next_chunk(self) -> bytes:
        chunk = self._next_chunk()
        self.count += len(chunk)
        return chunk


def posted_lines(body: Readable, limits: PostLimits, packed: Packed) -> Iterator[bytes]:
    """Lines without their line feeds. One that is longer than `line_bytes` is cut right behind that, which is how
    the reader sees that it was too long.

    Raises: RefusedError, for broken compression, and for a body that is beyond a limit.
    """
    for number, line in enumerate(_cut_lines(body, limits, packed)):
        if number >= limits.lines:
            raise _too_much(f"the post has more than {limits.lines:,} lines; send them in several requests")
        yield line


def _cut_lines(body: Readable, limits: PostLimits, packed: Packed) -> Iterator[bytes]:
    line = bytearray()
    is_cut = False
    max_line_bytes = limits.line_bytes

    def watch(total: int) -> None:
        if total > _FREE_BYTES + limits.ratio * packed.count:
            raise _too_much(f"the logs are more than {limits.ratio:g} times as long unpacked; send them as they are")

    for piece in pieces(body, limits.bytes, watch):
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


def _too_much(said: str) -> RefusedError:
    return RefusedError(413, "too_long", said)


def pieces(body: Readable, max_bytes: int, watch: Callable[[int], None] = lambda total: None) -> Iterator[bytes]:
    """`watch` hears how much has been unpacked so far.

    Raises: RefusedError, for broken compression, and for a body that is longer unpacked than `max_bytes`.
    """
    total = 0
    try:
        while piece := body.read(_PIECE_BYTES):
            total += len(piece)
            if total > max_bytes:
                raise _too_much(f"the logs are longer than {max_bytes:,} bytes, unpacked; send several requests")
            watch(total)
            yield piece
    except (EOFError, zlib.error, OSError) as error:
        said = "the body's compression is broken or cut off; pack it again and post it under the same request id"
        raise RefusedError(400, "compression", said) from error
