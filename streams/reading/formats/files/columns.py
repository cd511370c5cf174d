"""A table written by columns: `{"instruction": […], "output": […]}`, or pandas' `{"instruction": {"0": …}}`."""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.parts.fields import Record, words
from streams.reading.formats.parts.outcomes import Inner, LogFormat

_KNOWN = words(
    "instruction prompt question query input output response completion answer generation chosen rejected messages"
    " conversations conversation text request"
)

_CHATS = words("messages conversations conversation chosen rejected")


def matches(record: Record) -> bool:
    if record.keys().isdisjoint(_KNOWN):
        return False
    columns = [_column(name, value) for name, value in record.items()]
    lengths = {None if column is None else len(column) for column in columns}
    return len(lengths) == 1 and lengths.isdisjoint({None, 0})


def read(record: Record) -> Iterator[Inner]:
    columns = {name: _column(name, value) or [] for name, value in record.items()}
    for row in zip(*columns.values(), strict=True):
        yield Inner(dict(zip(columns, row, strict=True)))


def _column(name: str, value: Any) -> list[Any] | None:
    """The values under each other; None where they are something else, one chat for instance."""
    if isinstance(value, dict) and value and all(isinstance(key, str) and key.isdecimal() for key in value):
        value = list(value.values())
    if not isinstance(value, list):
        return None
    fits = _is_chat if name in _CHATS else _is_cell
    return value if all(map(fits, value)) else None


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


FORMAT = LogFormat("columns", "Tables written by columns", matches, read, strict=True)
