"""A source's records, numbered: opens it, finds out what it is, and cuts it."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from coachlm.pairs import Position, Reject
from streams.reading.sources.blocks import open_bytes, peek, raw_blocks, text_blocks
from streams.reading.sources.csv_rows import csv_rows
from streams.reading.sources.detect import HEAD_BYTES, Kind, delimiter, detect, is_chat, is_message
from streams.reading.sources.flaws import Flaw, Unreadable, reject_of, unreadable
from streams.reading.sources.json_values import cut_values
from streams.reading.sources.lines import json_lines
from streams.reading.sources.otlp_messages import begins_message, begins_sized_message, otlp_messages
from streams.reading.sources.parquet_rows import MAGIC, parquet_rows
from streams.reading.sources.paths import STDIN
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.sources.yaml_documents import yaml_documents

OnBytes = Callable[[int], None]


def _unheard(_: int) -> None:
    pass


def read_source(
    path: str, options: ParseOptions, name: str | None = None, on_bytes: OnBytes = _unheard
) -> Iterator[RawRecord | Reject]:
    """Every record of a file, pipe or standard input (`-`), or in its place the reason why it can't be read.

    Positions carry `name` (by default the path) and count from 0, rejects included; the same bytes give the same
    positions. Memory does not grow with the source. Blank lines are no records; an empty source has none. A last line
    without a line end is a record: where a writer is still at it, it is malformed now and whole in a later reading.

    Raises: InputError, when it can't be opened or the disk fails.
    """
    source = name or path
    for number, item in enumerate(_items(path, options, on_bytes)):
        position = Position(source, number)
        yield reject_of(item, position) if isinstance(item, Flaw) else RawRecord(position, item)


def _items(path: str, options: ParseOptions, on_bytes: OnBytes) -> Iterator[Any | Flaw]:
    try:
        with open_bytes(path) as file:
            yield from _contents(file, path, options, on_bytes)
    except Unreadable as end:
        yield unreadable(str(end))


def _contents(file: BinaryIO, path: str, options: ParseOptions, on_bytes: OnBytes) -> Iterator[Any | Flaw]:
    head, blocks = peek(raw_blocks(file, path, on_bytes), len(MAGIC))
    if head == MAGIC and path != STDIN and file.seekable():
        yield from parquet_rows(path, options.max_record_bytes)
        return
    head, blocks = peek(text_blocks(blocks), HEAD_BYTES)
    if begins_message(head) or begins_sized_message(head):
        yield from otlp_messages(blocks, options.max_record_bytes)
        return
    if not head.strip():
        yield from json_lines(blocks, options.max_record_bytes)
        return
    match detect(head, path):
        case Kind.LINES:
            yield from json_lines(blocks, options.max_record_bytes)
        case Kind.VALUES:
            yield from cut_values(blocks, options.max_record_bytes, open_arrays=not is_chat(head))
        case Kind.TABLE:
            yield from csv_rows(blocks, delimiter(head, path), options.max_record_bytes)
        case Kind.YAML:
            for document in yaml_documents(blocks, options.max_record_bytes, options.max_nesting):
                yield from _opened(document)


def _opened(document: Any | Flaw) -> list[Any | Flaw]:
    """The elements of a list of records; what is something else, or a list of messages, as it is; nothing of null."""
    if document is None:
        return []
    return document if isinstance(document, list) and not (document and is_message(document[0])) else [document]
