"""Writers of records to files: JSON, JSON lines, Parquet, CSV."""

import csv
import io
from collections.abc import Sequence
from typing import BinaryIO, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from coachlm.text.spreadsheets import defuse_cell
from exports.choices.export_formats import SUFFIXES, ExportFormat
from exports.shapes.chat_shapes import Record
from exports.shapes.columns import Column, arrow_schema
from exports.shapes.dialogues import texts_in


class RecordWriter(Protocol):
    """Writes records to one file as they come; `close` completes what was written, and leaves the file open."""

    def write(self, record: Record) -> None: ...

    def close(self) -> None: ...


def open_writer(format: ExportFormat, file: BinaryIO, columns: Sequence[Column]) -> RecordWriter:
    """A writer of records that have these keys, and no others."""
    match SUFFIXES[format]:
        case ".json":
            return JsonArrayWriter(file)
        case ".jsonl":
            return JsonLinesWriter(file)
        case ".parquet":
            return ParquetWriter(file, columns)
        case _:
            return CsvWriter(file, columns)


def _json(record: Record) -> bytes:
    """One line. U+2028, U+2029 and U+0085 are escaped: many readers of JSON lines take them for line ends."""
    line = orjson.dumps(record)
    for raw, escaped in ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085")):
        line = line.replace(raw, escaped)
    return line


class JsonLinesWriter:
    """One record a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, record: Record) -> None:
        self._file.write(_json(record) + b"\n")

    def close(self) -> None:
        pass


class JsonArrayWriter:
    """A JSON array with one record a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._next = b"[\n"

    def write(self, record: Record) -> None:
        self._file.write(self._next + _json(record))
        self._next = b",\n"

    def close(self) -> None:
        self._file.write(b"[]\n" if self._next == b"[\n" else b"\n]\n")


class ParquetWriter:
    """Columns of declared types, zstd; a row group is closed at 10,000 rows or about 16 MB of text."""

    _GROUP_ROWS = 10_000
    _GROUP_CHARS = 16_000_000

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._schema = arrow_schema(tuple(columns))
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Record] = []
        self._chars = 0

    def write(self, record: Record) -> None:
        self._rows.append(record)
        self._chars += sum(map(len, texts_in(record)))
        if len(self._rows) >= self._GROUP_ROWS or self._chars >= self._GROUP_CHARS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._chars = [], 0

    def close(self) -> None:
        with self._writer:
            if self._rows:
                self._flush()


class CsvWriter:
    """RFC 4180 with a header, UTF-8."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._file = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([column.name for column in columns])

    def write(self, record: Record) -> None:
        self._writer.writerow([defuse_cell(cell) for cell in record.values()])

    def close(self) -> None:
        self._file.detach()  # which writes what is left
