"""A record as a line for the log door."""

import json
from typing import Any

import orjson

from coachlm.errors import InputError
from streams.reading.formats.parts.decoding import decode
from streams.reading.formats.parts.outcomes import EntryError


def as_line(value: Any) -> bytes:
    """JSON; what orjson refuses (lone surrogates, large numbers) is written by the standard library."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def decoded(body: bytes, max_nesting: int) -> Any:
    """Raises: InputError, for what is no JSON, or is nested too deeply."""
    try:
        return decode(body, max_nesting)
    except EntryError as error:
        raise InputError(f"the body can't be read as JSON: {error.detail}") from None
