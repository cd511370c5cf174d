"""Bodies of posted logs: unpacked with a bound, cut into lines, in flat memory."""

import gzip
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from api.http.posted_lines import Packed, PostLimits, posted_lines, unpacked
from api.http.problems import RefusedError

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


def _chunks(data: bytes, size: int) -> Callable[[], bytes]:
    pieces = iter([data[start : start + size] for start in range(0, len(data), size)])
    return lambda: next(pieces, b"")


def _lines(data: bytes, encoding: str = "", *, size: int = 1000, longest: int = 100, most: int = 10**9) -> list[bytes]:
    packed = Packed(_chunks(data, size))
    return list(posted_lines(unpacked(packed.next_chunk, encoding), _limits(longest, most), packed))


def _limits(longest: int, most: int) -> PostLimits:
    return PostLimits(longest, most, lines=10**9, ratio=1e9)


@pytest.mark.parametrize("encoding", PACKERS)
@given(lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))), size=st.integers(1, 40))
def test_lines_come_out_as_they_went_in(encoding, lines, size):
    body = b"".join(line + b"\n" for line in lines)
    assert _lines(PACKERS[encoding](body), encoding, size=size) == lines


def test_a_last_line_needs_no_line_feed_and_blank_lines_count():
    assert _lines(b"one\n\ntwo") == [b"one", b"", b"two"]
    assert _lines(b"") == []


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_packed_in_several_members(encoding):
    pack = PACKERS[encoding]
    assert _lines(pack(b"one\ntw") + pack(b"o\n"), encoding) == [b"one", b"two"]


def test_an_overlong_line_is_cut_behind_the_limit_and_the_next_is_whole():
    assert _lines(b"x" * 5000 + b"\nnext\n", longest=10) == [b"x" * 11, b"next"]
    assert _lines(b"x" * 10 + b"\n", longest=10) == [b"x" * 10]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused_in_flat_memory(encoding):
    bomb = PACKERS[encoding](bytes(60_000_000))
    tracemalloc.start()
    with pytest.raises(RefusedError, match="longer than 20,000,000 bytes") as refused:
        _lines(bomb, encoding, most=20_000_000)
    assert refused.value.status == 413
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("harm", [lambda data: data[:-9], lambda data: b"not packed", lambda data: data + b"rest"])
def test_broken_compression_is_said_after_the_lines_that_came(encoding, harm):
    packed = harm(PACKERS[encoding](b"".join(b"line %d\n" % n for n in range(1000))))
    with pytest.raises(RefusedError, match="broken or cut off") as refused:
        _lines(packed, encoding)
    assert refused.value.status == 400


def test_an_unknown_encoding_is_refused():
    with pytest.raises(RefusedError, match="'br' isn't known") as refused:
        unpacked(lambda: b"", "br")
    assert refused.value.status == 415


class _HungUpError(Exception):
    pass


@pytest.mark.parametrize("encoding", PACKERS)
def test_what_the_connection_raises_comes_through(encoding):
    packed = PACKERS[encoding](b"line\n" * 100_000)

    def chunks() -> Iterator[bytes]:
        yield packed[: len(packed) // 2]
        raise _HungUpError

    arriving = chunks()
    received = Packed(lambda: next(arriving))
    with pytest.raises(_HungUpError):
        list(posted_lines(unpacked(received.next_chunk, encoding), _limits(100, 10**9), received))
