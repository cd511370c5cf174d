"""JSON values cut out of a stream of bytes by counting brackets, undecoded; an outermost array is opened.

An incremental parser would decode in this process, hold a string of any length, and stop at the first error. This
costs two regular-expression matches for a flat record and checks no syntax: whoever decodes a value does. Broken input
is cut so that little is lost: after a line break inside a string, or brackets that never close, reading goes on at the
next line with the broken value's indentation, or, within a line, at the next element with its first key.
"""

# See docs/decisions/0011-cut-json-by-brackets.md

import re
from collections.abc import Generator, Iterator
from enum import Enum, auto
from itertools import pairwise

import orjson

from streams.reading.sources.flaws import BEGIN_BYTES, Flaw, malformed, too_long

_GAP = re.compile(rb"[\s,]*+")
_STRAY = re.compile(rb"[\s,\]}]*+")  # closing brackets that nothing opened: a run of them is one flaw
_BARE = re.compile(rb"[^\s,\"{}\[\]]*+")  # a number, a name, rubbish
# Written as ranges because `re` matches those 1.8 times as fast as [^"\\\n] and [^"{}\[\]].
_PLAIN = rb"[\x00-\x09\x0b-\x21\x23-\x5b\x5d-\xff]*+"
_BESIDE = rb"[\x00-\x21\x23-\x5a\x5c\x5e-\x7a\x7c\x7e-\xff]*+"
_STRING = rb"%b(?:\\.%b)*+" % (_PLAIN, _PLAIN)
_IN_STRING = re.compile(_STRING, re.DOTALL)  # up to its closing quote or a line break
_FLAT = re.compile(rb'%b(?:"%b"%b)*+' % (_BESIDE, _STRING, _BESIDE), re.DOTALL)  # up to a bracket or unfinished string

_FIRST_KEY = re.compile(rb"\{\s{0,20}\"[^\"\\\n]{1,64}\"")

_OPENING, _CLOSING = frozenset(b"{["), frozenset(b"}]")
_QUOTE, _BACKSLASH, _BRACKET, _CLOSING_BRACKET = b'"\\[]'
_MAX_INDENT = 200
_MAX_BEGINNING = 256  # bytes in which every `_beginning` fits


class _End(Enum):
    """How the search for the end of a value came out."""

    WHOLE = auto()
    BROKEN = auto()  # a line break inside a string: brackets tell nothing any more
    MISMATCHED = auto()  # what closes is not what had opened
    CUT_SHORT = auto()  # the text ends first
    TOO_LONG = auto()  # more than `max_bytes` are held and the end is not among them


def cut_values(blocks: Iterator[bytes], max_bytes: int, open_arrays: bool = True) -> Iterator[bytes | Flaw]:
    """The values of JSON texts that follow one another, blanks or commas between them; with `open_arrays` the elements
    of an outermost array instead of the array. A value longer than `max_bytes` is a flaw and is never held whole."""
    return _Cutter(blocks, max_bytes, open_arrays).values()


class _Cutter:
    """What is held of the text: `_buffer`, of which `_start` begins the value and `_at` is how far it was scanned."""

    def __init__(self, blocks: Iterator[bytes], max_bytes: int, open_arrays: bool) -> None:
        self._blocks = iter(blocks)
        self._max_bytes = max_bytes
        self._open_arrays = open_arrays
        self._buffer = b"\n"  # so that the first value too stands at the beginning of a line
        self._start = self._at = 0
        self._keep = True  # hold the value's bytes; False while a refused value is skipped
        self._depth = 0
        self._in_string = False
        self._indent: bytes | None = b""  # what stands before the value on its line; None: more than blanks

    def values(self) -> Iterator[bytes | Flaw]:
        in_array = False
        while self._skip_gap():
            character = self._buffer[self._at]
            if character == _BRACKET and self._open_arrays and not in_array:
                in_array = True
                self._at += 1
            elif character == _CLOSING_BRACKET and in_array:
                in_array = False
                self._at += 1
            elif character in _CLOSING:
                self._skip_stray()
                yield malformed("a bracket closes that none has opened")
            else:
                yield from self._value()

    def _skip_gap(self) -> bool:
        """Go to the beginning of the next value; False where there is none. Remembers the indentation."""
        while True:
            end = _end(_GAP, self._buffer, self._at)
            line = self._buffer.rfind(b"\n", self._at, end)
            if end < len(self._buffer):
                self._indent = self._buffer[line + 1 : end] if line >= 0 else None
                self._start = self._at = end
                return True
            self._start = self._at = line if line >= 0 and end - line <= _MAX_INDENT else end
            if not self._pull():
                return False

    def _skip_stray(self) -> None:
        while (at := _end(_STRAY, self._buffer, self._at)) == len(self._buffer):
            self._start = self._at = at
            if not self._pull():
                return
        self._at = at

    def _value(self) -> Iterator[bytes | Flaw]:
        end = self._find_end()
        if end is _End.WHOLE and self._at - self._start <= self._max_bytes:
            yield self._buffer[self._start : self._at]
            return
        beginning = self._beginning()
        if end is _End.WHOLE:
            yield too_long("the value", self._max_bytes, self._begin())
        elif end is _End.BROKEN:
            yield malformed("a line break stands inside a string", self._begin())
            self._find(beginning)
        elif end is not _End.TOO_LONG:
            yield from self._salvage(malformed("the brackets or quotes don't close", self._begin()), beginning)
        elif not (yield from self._salvage(too_long("the value", self._max_bytes, self._begin()), beginning)):
            self._skip_rest(beginning)

    def _begin(self) -> bytes:
        """No more than was scanned: how much is read ahead depends on the chunks."""
        return self._buffer[self._start : min(self._start + BEGIN_BYTES, self._at)]

    def _find_end(self) -> _End:
        """Scan to behind the value that begins at `_at`."""
        self._depth, self._in_string = 0, False
        character = self._buffer[self._at]
        if character in _OPENING:
            return self._resume()
        if character == _QUOTE:
            self._at += 1
            self._in_string = True
            return self._resume()
        while (at := _end(_BARE, self._buffer, self._at)) == len(self._buffer):
            self._at = at
            if (end := self._fill()) is not None:
                return _End.WHOLE if end is _End.CUT_SHORT else end
        self._at = at
        return _End.WHOLE

    def _resume(self) -> _End:
        """Scan on until every bracket and quote of the value has closed."""
        while True:
            if self._in_string:
                if (end := self._skip_string()) is not None:
                    return end
                if self._depth == 0:
                    return _End.WHOLE
            self._at = _end(_FLAT, self._buffer, self._at)
            if self._at == len(self._buffer):
                if (end := self._fill()) is not None:
                    return end
                continue
            character = self._buffer[self._at]
            self._at += 1
            if character == _QUOTE:
                self._in_string = True
            elif character in _OPENING:
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0:
                    return self._closed(character)

    def _closed(self, character: int) -> _End:
        if not self._keep or character == self._buffer[self._start] + 2:  # { is 2 before }, [ is 2 before ]
            return _End.WHOLE
        self._at -= 1  # it may well close the array around
        return _End.MISMATCHED

    def _skip_string(self) -> _End | None:
        """To behind the closing quote (None), or how the search failed."""
        while True:
            self._at = _end(_IN_STRING, self._buffer, self._at)
            if self._at < len(self._buffer) and self._buffer[self._at] != _BACKSLASH:
                break
            if (end := self._fill()) is not None:
                return end
        if self._buffer[self._at] != _QUOTE:
            return _End.BROKEN
        self._at += 1
        self._in_string = False
        return None

    def _skip_rest(self, beginning: re.Pattern[bytes]) -> None:
        """To behind a value that is too long to be held."""
        self._keep = False
        bare = self._depth == 0 and not self._in_string
        if bare or self._resume() is _End.BROKEN:
            self._find(beginning)
        self._keep = True

    def _beginning(self) -> re.Pattern[bytes]:
        """How the values after this one are likely to begin, with what separates them from it."""
        if self._indent is not None:
            return re.compile(rb"\n" + re.escape(self._indent) + rb"[{\[]")
        key = _FIRST_KEY.match(self._buffer, self._start)
        return re.compile(rb",\s{0,20}" + re.escape(key.group()) if key else rb"\n[ \t]{0,20}[{\[]")

    def _find(self, beginning: re.Pattern[bytes]) -> None:
        while (found := beginning.search(self._buffer, self._at)) is None:
            self._start = self._at = max(self._at, len(self._buffer) - _MAX_BEGINNING)
            if not self._pull():
                self._at = len(self._buffer)
                return
        self._at = found.start()

    def _salvage(self, flaw: Flaw, beginning: re.Pattern[bytes]) -> Generator[bytes | Flaw, None, bool]:
        """The flaw; then the values that the one without an end has swallowed. True if there were any: the last of
        them is scanned anew, for its end may lie further on."""
        yield flaw
        starts = [match.start() for match in beginning.finditer(self._buffer, self._start, self._at)]
        for start, end in pairwise(starts):
            value = self._buffer[start:end].strip(b", \t\r\n")
            whole = len(value) <= self._max_bytes and _decodes(value)
            yield value if whole else malformed("the brackets or quotes don't close", value)
        self._at = starts[-1] if starts else self._at
        return bool(starts)

    def _fill(self) -> _End | None:
        """Another block into the buffer (None), or why not."""
        if not self._keep:
            self._start = self._at
        elif len(self._buffer) - self._start > self._max_bytes:
            return _End.TOO_LONG
        if self._pull():
            return None
        self._at = len(self._buffer)
        return _End.CUT_SHORT

    def _pull(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        self._buffer = self._buffer[self._start :] + block
        self._at -= self._start
        self._start = 0
        return True


def _end(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    """Where a match of a pattern that matches everywhere ends."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _decodes(value: bytes) -> bool:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True
