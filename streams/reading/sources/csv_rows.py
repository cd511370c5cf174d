"""Rows of CSV and TSV text as dictionaries by column name."""

# See docs/decisions/0015-refuse-shifted-csv-rows.md

import csv
import re
from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.sources.flaws import BEGIN_BYTES, Flaw, Unreadable, too_long, unreadable
from streams.reading.sources.lines import split_lines

DELIMITERS = ",\t;|"
_QUOTED = re.compile(r'"[^"]*"')


def csv_rows(blocks: Iterator[bytes], delimiter: str, max_bytes: int) -> Iterator[dict[str, str] | Flaw]:
    """Rows by the names in the first row; of two columns with one name the first counts. A row with another number of
    cells than the first is a flaw: a stray quote or delimiter has shifted it.

    Raises: Unreadable, when the first row can't be read.
    """
    csv.field_size_limit(max(csv.field_size_limit(), max_bytes + 1))  # the feeder's bound comes first
    names: list[str] = []
    for cells in _rows(_Feeder(blocks, max_bytes), delimiter, max_bytes):
        if names:
            yield _row(names, cells) if isinstance(cells, list) else cells
        elif isinstance(cells, Flaw) or not _is_utf8(cells):
            raise Unreadable("the row of column names is damaged, too long or not UTF-8; save the file as UTF-8")
        else:
            names = cells


def likely_delimiter(first_line: str) -> str:
    """Whichever stands most often between the column names."""
    bare = _QUOTED.sub("", first_line)
    return max(DELIMITERS, key=bare.count)


def _rows(feeder: "_Feeder", delimiter: str, max_bytes: int) -> Iterator[list[str] | Flaw]:
    reader = csv.reader(feeder, delimiter=delimiter)
    while True:
        feeder.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _RowTooLong:
            yield too_long("the row", max_bytes)
        except csv.Error as error:
            yield unreadable(f"not a row of CSV: {error}")
        else:
            if feeder.ended:
                yield unreadable("the text ends inside quotes")
            elif cells:
                yield cells


def _row(names: list[str], cells: list[str]) -> dict[str, str] | Flaw:
    if len(cells) != len(names):
        return unreadable(f"the row has {len(cells)} cells, the header {len(names)}", _joined(cells))
    if not any(cell.strip() for cell in cells):
        return Flaw(RejectReason.EMPTY, "every cell of the row is empty")
    if not _is_utf8(cells):
        return unreadable("the row is not valid UTF-8", _joined(cells))
    return dict(zip(reversed(names), reversed(cells), strict=True))


def _joined(cells: list[str]) -> bytes:
    """As much of the row as an excerpt takes."""
    text = ", ".join(cell[:BEGIN_BYTES] for cell in cells[:100])
    return text[:BEGIN_BYTES].encode("utf-8", "replace")


def _is_utf8(cells: list[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


class _RowTooLong(Exception):  # noqa: N818 - passes through csv.reader, which begins a new row after it
    pass


class _Feeder:
    """Lines for `csv.reader`, bounded per row; bytes that are no UTF-8 become lone surrogates."""

    def __init__(self, blocks: Iterator[bytes], max_bytes: int) -> None:
        self._lines = split_lines(blocks, max_bytes)
        self._left = self._max_bytes = max_bytes
        self.ended = False  # asked for a line when none was left: what the reader yields now was not complete

    def begin_row(self) -> None:
        self._left = self._max_bytes

    def __iter__(self) -> "_Feeder":
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        if isinstance(line, Flaw):
            raise _RowTooLong
        self._left -= len(line) + 1
        if self._left < 0:
            raise _RowTooLong
        return line.decode("utf-8", "surrogateescape") + "\n"
