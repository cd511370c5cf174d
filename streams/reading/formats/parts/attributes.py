"""Attributes of OpenTelemetry spans, however they are written, as one flat mapping; and lists taken out of it.

OTLP/JSON types every value (`{"key", "value": {"stringValue"}}`), exporters write plain objects, flat or nested.
Source: OTLP specification, "JSON Protobuf Encoding"; opentelemetry-proto common.proto.
"""

from collections.abc import Iterator
from typing import Any

from streams.reading.formats.parts.fields import Record, mapping

_SCALARS = ("stringValue", "boolValue", "doubleValue", "bytesValue", "string_value", "bool_value", "double_value")
_MAX_INDEX = 100_000
_LEVELS = 12


def span_attributes(record: Record) -> Record:
    """The attributes of a span, of a row whose columns are called `attributes.…`, or of a bare attribute mapping."""
    value = record.get("attributes")
    if isinstance(value, list):
        return flatten(key_values(value))
    if isinstance(value, dict):
        return flatten(value)
    columns = {key[11:]: item for key, item in record.items() if str(key).startswith("attributes.")}
    return flatten(columns or record)


def key_values(items: list[Any], levels: int = _LEVELS) -> Record:
    """OTLP's list of typed key-value pairs as a plain object."""
    found: Record = {}
    for item in items:
        key = mapping(item).get("key")
        if isinstance(key, str):
            found[key] = any_value(item.get("value"), levels)
    return found


def any_value(value: Any, levels: int = _LEVELS) -> Any:
    """OTLP's AnyValue as a plain value; None below `levels`."""
    if not isinstance(value, dict) or not levels:
        return None if isinstance(value, dict) else value
    for key in _SCALARS:
        if key in value:
            return value[key]
    for key in ("intValue", "int_value"):
        if key in value:
            number = value[key]
            return int(number) if isinstance(number, str) and number.lstrip("-").isdecimal() else number
    for key in ("arrayValue", "array_value"):
        if key in value:
            values = mapping(value[key]).get("values")
            return [any_value(item, levels - 1) for item in values] if isinstance(values, list) else []
    for key in ("kvlistValue", "kvlist_value"):
        if key in value:
            values = mapping(value[key]).get("values")
            return key_values(values, levels - 1) if isinstance(values, list) else {}
    return None


def flatten(value: Record, prefix: str = "", levels: int = _LEVELS) -> Record:
    """Nested objects to dotted keys; lists stay as they are."""
    flat: Record = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, dict) and item and levels:
            flat |= flatten(item, f"{name}.", levels - 1)
        else:
            flat[name] = item
    return flat


def indexed(attributes: Record, prefix: str) -> list[Record]:
    """The objects under `prefix.0.…`, `prefix.1.…` in the order of their numbers; or under `prefix`, if a list."""
    whole = attributes.get(prefix)
    if isinstance(whole, list):
        return [flatten(item) for item in whole if isinstance(item, dict)]
    found: dict[int, Record] = {}
    for number, rest, value in _numbered(attributes, f"{prefix}."):
        found.setdefault(number, {})[rest] = value
    return [found[number] for number in sorted(found)]


def _numbered(attributes: Record, prefix: str) -> Iterator[tuple[int, str, Any]]:
    for key, value in attributes.items():
        if key.startswith(prefix):
            number, _, rest = key[len(prefix) :].partition(".")
            if number.isascii() and number.isdigit() and len(number) < 7 and int(number) <= _MAX_INDEX:
                yield int(number), rest, value
