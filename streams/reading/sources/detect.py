"""Which container a text is, by its beginning; the file's name decides only where the beginning does not."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from itertools import islice
from pathlib import PurePath
from typing import Any

import orjson

from streams.reading.sources.csv_rows import likely_delimiter
from streams.reading.sources.flaws import Unreadable
from streams.reading.sources.json_values import cut_values

HEAD_BYTES = 1 << 18

_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
_TABLE_SUFFIXES = {".csv", ".tsv"}
_YAML_SUFFIXES = {".yaml", ".yml"}
_COMPRESSION_SUFFIXES = {".gz", ".gzip", ".zst", ".zstd"}

_FOREIGN = {  # what people leave in a folder of logs, and what to do about it
    b"PAR1": "Parquet must be a plain file: it can't be read compressed or from standard input",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"BZh": "bzip2 data; decompress it first, or compress it as gzip or zstd",
    b"\xfd7zXZ": "xz data; decompress it first, or compress it as gzip or zstd",
    b"SQLite format 3\0": "an SQLite database; export its table as CSV or JSON lines",
    b"%PDF-": "a PDF document",
}
_TEXT_BYTES = bytes(b for b in range(256) if b >= 32 and b != 127) + b"\t\n\r\f\b\x1b"
_FEW = 4  # slips that even a short text may hold
_MAX_CONTROL_SHARE = 0.01
_MAX_UNDECODABLE_SHARE = 0.1
_COLUMN_NAME = re.compile(r"[\w .\-/#]{1,64}")
_YAML_START = re.compile(rb"(?:---|%YAML)\s|[A-Za-z_][\w-]*:\s")
_MESSAGE_KEYS = {"role", "content", "parts", "from", "value", "name", "weight", "refusal", "finish_reason"} | {
    "tool_calls",
    "tool_call_id",
}


class Kind(Enum):
    """How a text is cut into records."""

    LINES = auto()  # a JSON value per line
    VALUES = auto()  # JSON values over several lines, or an array of them
    TABLE = auto()
    YAML = auto()


def detect(head: bytes, path: str) -> Kind:
    """`head` are the first HEAD_BYTES of the text, or all of it.

    Raises: Unreadable, for what is no text or of no known kind, with the remedy.
    """
    suffix = _suffix(path)
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise Unreadable(what)
    by_lines = _count_records(iter(head.split(b"\n")))
    if by_lines == 0 and _is_binary(head):
        raise Unreadable("not text in UTF-8 or UTF-16")
    if suffix in _YAML_SUFFIXES:
        return Kind.YAML
    if suffix in _TABLE_SUFFIXES and not _count_records(iter(_first_lines(head))):
        return Kind.TABLE
    if by_lines or suffix in _JSON_SUFFIXES or head.lstrip().startswith((b"{", b"[")):
        return _json_kind(head, suffix, by_lines)
    return _other_kind(head)


def delimiter(head: bytes, path: str) -> str:
    return "\t" if _suffix(path) == ".tsv" else likely_delimiter(_first_lines(head)[0].decode("utf-8", "replace"))


def is_chat(head: bytes) -> bool:
    """Whether an array is one conversation, because its first element is a message and nothing more."""
    if not head.lstrip().startswith(b"["):
        return False
    first = next(cut_values(iter([head]), HEAD_BYTES), None)
    return is_message(_decoded(first)) if isinstance(first, bytes) else False


def is_message(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.keys() & {"role", "from"}) and value.keys() <= _MESSAGE_KEYS


def _suffix(path: str) -> str:
    name = PurePath(path.lower())
    return PurePath(name.stem).suffix if name.suffix in _COMPRESSION_SUFFIXES else name.suffix


def _is_binary(head: bytes) -> bool:
    control = len(head.translate(None, _TEXT_BYTES))
    undecodable = head.decode("utf-8", "replace").count("\ufffd")
    return control > _FEW + len(head) * _MAX_CONTROL_SHARE or undecodable > _FEW + len(head) * _MAX_UNDECODABLE_SHARE


def _json_kind(head: bytes, suffix: str, by_lines: int) -> Kind:
    """Whichever way of cutting gives more that decodes."""
    first, second = _first_lines(head)
    if first.lstrip().startswith(b"["):
        several = _decoded(first) is not None and second.startswith(b"[") and second.strip() != b"["
        return Kind.LINES if several else Kind.VALUES
    by_values = _count_records(v for v in cut_values(iter([head]), HEAD_BYTES) if isinstance(v, bytes))
    if by_lines != by_values:
        return Kind.VALUES if by_values > by_lines else Kind.LINES
    spread = by_values == 0 and (suffix == ".json" or second.lstrip().startswith((b'"', b"}", b"]")))
    return Kind.VALUES if spread else Kind.LINES


def _other_kind(head: bytes) -> Kind:
    first, second = _first_lines(head)
    if _YAML_START.match(first + b"\n"):
        return Kind.YAML
    text = first.decode("utf-8", "replace").strip()
    cells = text.split(likely_delimiter(text))
    named = all(_COLUMN_NAME.fullmatch(cell.strip('"')) for cell in cells)
    if second and len(cells) > 1 and named:
        return Kind.TABLE
    raise Unreadable(
        "neither JSON, YAML, Parquet nor a table; name the file .jsonl, .json, .csv, .tsv or .yaml if it is one"
    )


def _first_lines(head: bytes) -> tuple[bytes, bytes]:
    """The first two lines that are not blank."""
    lines = islice((line for line in head.split(b"\n") if line.strip()), 2)
    return next(lines, b""), next(lines, b"")


def _count_records(texts: Iterator[bytes]) -> int:
    """Those that decode. An indented line is a part of something larger."""
    return sum(_decoded(text) is not None for text in texts if text.startswith((b"{", b"[")))


def _decoded(text: bytes) -> Any | None:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
