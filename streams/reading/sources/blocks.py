"""Bytes of a source as blocks of UTF-8 text: opened, decompressed, byte order marks taken off."""

import codecs
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import zstandard

from coachlm.errors import InputError
from streams.reading.sources.flaws import Unreadable
from streams.reading.sources.paths import STDIN

BLOCK_BYTES = 1 << 20
_GZIP_SLICE_BYTES = 1 << 16  # small, for what is left of a slice is copied once for every member that ends in it
_ZSTD_SLICE_BYTES = 1 << 8
"""So little input at once that even a decompression bomb (128 KiB out of 4 bytes) gives no more than some 8 MB."""
_ZSTD_OUTPUT_BYTES = 1 << 15
_ZSTD_MAX_WINDOW_BYTES = 1 << 27

_GZIP = b"\x1f\x8b\x08"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after a byte 0x50-0x5f; parallel compressors begin with such a frame


@contextmanager
def open_bytes(path: str) -> Iterator[BinaryIO]:
    """The file, or standard input for `-`.

    Raises: InputError.
    """
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below; errors of whoever reads are not this one's
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _cant_read(path, error) from error
    with file:
        yield file


def raw_blocks(file: BinaryIO, path: str, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    """The bytes as they are; `on_bytes` hears the size of each block.

    Raises: InputError, when the disk or share fails.
    """
    read = getattr(file, "read1", file.read)  # what a pipe holds already, rather than waiting for a whole block
    while True:
        try:
            block = read(BLOCK_BYTES)
        except (OSError, ValueError) as error:  # ValueError: standard input was closed
            raise _cant_read(path, error) from error
        if not block:
            return
        on_bytes(len(block))
        yield block


def text_blocks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompressed, in UTF-8, without byte order mark. Bytes that are no UTF-8 pass through.

    Raises: Unreadable, after the blocks that could be had.
    """
    head, blocks = peek(blocks, 4)
    if head.startswith(_GZIP):
        blocks = _gathered(_gunzip(blocks))
    elif head.startswith(_ZSTD) or (head[1:] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        blocks = _gathered(_unzstd(blocks))
    return _utf8(blocks)


def peek(blocks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first `size` bytes (fewer where there are no more), and all blocks again, those included.

    What ends a source early comes in its turn: Unreadable is raised by the iterator, not here.
    """
    taken: list[bytes] = []
    missing = size
    rest = blocks
    while missing > 0:
        try:
            block = next(blocks, None)
        except Unreadable as end:
            rest = _ended(end)
            break
        if block is None:
            break
        taken.append(block)
        missing -= len(block)
    head = b"".join(taken)
    return head[:size], chain((head,) if head else (), rest)


def _ended(end: Unreadable) -> Iterator[bytes]:
    raise end
    yield b""


def _gunzip(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip file; never more than a block at once, whatever it was compressed from."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        for data in _slices(blocks, _GZIP_SLICE_BYTES):
            while data:
                if decoder.eof:
                    data = data.lstrip(b"\0")  # padding of tapes and block devices
                    if not data:
                        break
                    decoder = zlib.decompressobj(wbits=31)
                yield decoder.decompress(data, BLOCK_BYTES)
                data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        yield decoder.flush()
    except zlib.error as error:
        raise Unreadable(f"the gzip data is damaged: {error}") from error
    if not decoder.eof:
        raise Unreadable("the gzip data ends too early; the file was cut short")


def _unzstd(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """All frames of a zstd file."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_MAX_WINDOW_BYTES)
    decoder = decompressor.decompressobj(write_size=_ZSTD_OUTPUT_BYTES)
    try:
        for data in _slices(blocks, _ZSTD_SLICE_BYTES):
            while data:
                if decoder.eof:
                    decoder = decompressor.decompressobj(write_size=_ZSTD_OUTPUT_BYTES)
                yield decoder.decompress(data)
                data = decoder.unused_data if decoder.eof else b""
    except zstandard.ZstdError as error:
        raise Unreadable(f"the zstd data is damaged: {error}") from error
    if not decoder.eof:
        raise Unreadable("the zstd data ends too early; the file was cut short")


def _slices(blocks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _gathered(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Small blocks joined to large ones."""
    parts: list[bytes] = []
    size = 0
    try:
        for block in blocks:
            parts.append(block)
            size += len(block)
            if size >= BLOCK_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
    except Unreadable:
        yield b"".join(parts)
        raise
    yield b"".join(parts)


def _utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head, blocks = peek(blocks, 4)
    encoding = _encoding(head)
    if encoding is not None:
        yield from _transcoded(blocks, encoding)
        return
    yield next(blocks, b"").removeprefix(codecs.BOM_UTF8)
    yield from blocks


def _encoding(head: bytes) -> str | None:
    """UTF-16 by its mark, or by the zeros beside a bracket; None is UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) == 4 and head[:1] in (b"{", b"[") and head[1] == head[3] == 0:
        return "utf-16-le"
    if len(head) == 4 and head[1:2] in (b"{", b"[") and head[0] == head[2] == 0:
        return "utf-16-be"
    return None


def _transcoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Lone surrogates come out as bytes that are no UTF-8, so that only the records that hold one are refused."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        raise Unreadable("the UTF-16 text ends inside a character; the file was cut short")


def _cant_read(path: str, error: OSError | ValueError) -> InputError:
    why = getattr(error, "strerror", None) or error
    return InputError(f"{path!r} can't be read: {why}; check that it is a file and its permissions")
