"""A table written by columns: `{"instruction": […], "output": […]}`, or pandas' `{"instruction": {"0": …}}`."""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.parts.fields import Record, words
from streams.reading.formats.parts.outcomes import Inner, LogFormat

_KNOWN = words(
    "instruction prompt question query input output response completion answer generation chosen rejected messages"
    " conversations conversation text request"
)


def matches(record: Record) -> bool:
    if record.keys().isdisjoint(_KNOWN):
        return False
    columns = [_column(value) for value in record.values()]
    lengths = {None if column is None else len(column) for column in columns}
    return len(lengths) == 1 and lengths.isdisjoint({None, 0}) and not any(map(_is_chat, columns))


def read(record: Record) -> Iterator[Inner]:
    columns = {name: _column(value) or [] for name, value in record.items()}
    for row in zip(*columns.values(), strict=True):
        yield Inner(dict(zip(columns, row, strict=True)))


def _column(value: Any) -> list[Any] | None:
    if isinstance(value, dict) and value and all(isinstance(key, str) and key.isdecimal() for key in value):
        return list(value.values())
    return value if isinstance(value, list) else None


def _is_chat(column: list[Any] | None) -> bool:
    """A list of messages or of rounds is one chat, no column."""
    return any(isinstance(item, dict) for item in column or [])


FORMAT = LogFormat("columns", "Tables written by columns", matches, read)
