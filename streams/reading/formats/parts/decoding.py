"""Bytes and texts to JSON values, never nested deeper than allowed.

orjson decodes; what it refuses although other programs write it (NaN, lone surrogates, a byte order mark, raw control
characters) gets a second chance from the standard library.
"""

# See docs/decisions/0018-orjson-then-the-standard-library.md

import json
import re
from typing import Any

import orjson

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.outcomes import EntryError

FIELD_NESTING = 100
"""How deep JSON inside a text field may be nested."""
_ENCODINGS = 4  # how often JSON may have been written as a text in JSON
_NESTING_CEILING = 500  # the standard library's decoder recurses
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


def decode(data: bytes, max_nesting: int) -> Any:
    """Raises: EntryError, `malformed_json` or (not UTF-8) `unreadable`."""
    max_nesting = min(max_nesting, _NESTING_CEILING)
    shallow = data.count(b"{") + data.count(b"[") <= max_nesting
    if not shallow and _deepest(data) > max_nesting:
        raise too_deep(max_nesting)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _decode_leniently(data)


def decode_text(text: str) -> Any:
    """The JSON array or object that a text field holds; the text itself where it holds none."""
    plain = unquoted(text)
    if not plain.lstrip().startswith(("{", "[")):
        return text
    try:
        return decode(plain.encode("utf-8", "surrogatepass"), FIELD_NESTING)
    except EntryError:
        return text


def unquoted(text: str) -> str:
    """JSON that was encoded twice (or oftener) as it was the first time; other text as it is."""
    for _ in range(_ENCODINGS):
        if not (len(text) > 3 and text[0] == text[-1] == '"' and text.lstrip('" \\').startswith(("{", "["))):
            break
        try:
            inner = json.loads(text, strict=False)
        except ValueError:
            break
        if not isinstance(inner, str):
            break
        text = inner
    return text


def check_nesting(value: Any, max_nesting: int) -> None:
    """For values that came decoded (YAML, CSV, Parquet), which may share parts or contain themselves.

    Raises: EntryError, `malformed_json`.
    """
    max_nesting = min(max_nesting, _NESTING_CEILING)
    level: list[Any] = [value]
    for _ in range(max_nesting + 1):
        inner = {id(item): item for item in level if isinstance(item, dict | list | tuple)}
        if not inner:
            return
        level = [part for item in inner.values() for part in (item.values() if isinstance(item, dict) else item)]
    raise too_deep(max_nesting)


def too_deep(max_nesting: int) -> EntryError:
    return EntryError(RejectReason.MALFORMED_JSON, f"nested deeper than {max_nesting} levels")


def _decode_leniently(data: bytes) -> Any:
    try:
        text = data.removeprefix(_BOM).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise EntryError(RejectReason.UNREADABLE, f"not UTF-8 (byte {error.start})") from None
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise EntryError(RejectReason.MALFORMED_JSON, _why_no_json(text, error)) from None
    except ValueError:  # a whole number of more digits than Python converts
        raise EntryError(RejectReason.MALFORMED_JSON, "a number is too long") from None


def _why_no_json(text: str, error: json.JSONDecodeError) -> str:
    """In words that tell a cut line and a line of another kind from a mistake within."""
    begin = text.lstrip()[:1]
    place = f"{error.msg} (character {error.pos})"
    if begin == "<":
        return "a page of HTML or XML, not JSON"
    if error.pos <= len(text) - len(text.lstrip()) and begin not in ("{", "["):
        return f"plain text, not JSON: {place}"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"it ends too early, as if cut: {place}"
    return place


def _deepest(data: bytes) -> int:
    depth = deepest = 0
    for match in _BRACKETS.finditer(data):
        token = match.group()[:1]
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    return deepest
