"""The beginning of what became no pair, for people: readable and short, without saying whose it is.

What `beginning` gives may still hold personal data; `IntakeStages` replaces it before anything is stored.
"""

import re
from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason

EXCERPT_CHARS = 500
_ORDINARY_CHARS = 160
_ORDINARY = frozenset({RejectReason.NOT_A_GENERATION, RejectReason.NOT_CHOSEN})
"""Traces and trees are full of what is no pair by right: nobody has to mend it, and it would fill the database."""
_WINDOW_CHARS = 2_000
_VALUE_CHARS = 240
_LEVELS = 8
_HIDDEN = "…"
_SECRET = re.compile(
    r"(?i)(?:^|[_.-]|(?<=[a-z]))(?:passw(?:or)?d|pwd|secret|authorization|cookies?|token|api[_-]?keys?|credentials?"
    r"|user[_-]?agent|ip|ip[_-]?addr(?:ess)?|remote[_-]?(?:addr|ip|host)|x[_-]forwarded[_-]for|ssn|phone|email)$"
)
_IDENTITY = re.compile(
    r"(?i)(?:^|[_.-])(?:end[_-]?)?(?:users?|customers?|accounts?|sessions?|sender|author|visitor|client|device)"
    r"(?:[_-]?(?:id|name|uuid|hash|key|login))?$"
)
_NO_WORD = re.compile(r"\S{3,200}")
_TAIL = re.compile(r"[!-~]{0,200}\Z")
_NUMBER_TAIL = re.compile(r"[\d\s()+.,/-]{0,60}\Z")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\n", "b": " ", "f": " "}
_FIELD = re.compile(r'"([^"\n]{1,60})"(\s{0,4}:\s{0,4})"((?:[^"\\]|\\.){0,400})"?')


def beginning(data: object) -> str:
    """Of a record as it was read: bytes that are no JSON, or a decoded value. Costs the same however long it is."""
    if isinstance(data, bytes):
        return _of_bytes(data)
    if isinstance(data, str):
        return _cut(data, _WINDOW_CHARS)
    text = ""
    for piece in _pieces(data, _LEVELS):
        text += piece
        if len(text) >= _WINDOW_CHARS:
            break
    return text


def shortened(text: str, reason: RejectReason) -> str:
    """As it is stored, once personal data is replaced."""
    most = _ORDINARY_CHARS if reason in _ORDINARY else EXCERPT_CHARS
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _of_bytes(data: bytes) -> str:
    """Escapes are undone, so that personal data is found in what they hide."""
    text = _FIELD.sub(_without_owner, data[: 4 * _WINDOW_CHARS].decode("utf-8", "replace"))
    return _cut(_ESCAPE.sub(_unescaped, text), _WINDOW_CHARS, is_cut=len(data) > 4 * _WINDOW_CHARS)


def _without_owner(match: re.Match[str]) -> str:
    key, between, value = match.groups()
    return f'"{key}"{between}"{_HIDDEN}"' if _says_who(key, value) else match[0]


def _unescaped(match: re.Match[str]) -> str:
    code, char = match.groups()
    return chr(int(code, 16)) if code else _ESCAPED.get(char, char)


def _pieces(value: Any, levels: int) -> Iterator[str]:
    """JSON without escapes, in pieces; long texts are cut."""
    if isinstance(value, str):
        yield f'"{_cut(value, _VALUE_CHARS)}"'
    elif isinstance(value, dict | list | tuple) and not levels:
        yield _HIDDEN
    elif isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield f'{", " * bool(number)}"{_cut(str(key), 60)}": '
            yield from (f'"{_HIDDEN}"',) if _says_who(key, item) else _pieces(item, levels - 1)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for number, item in enumerate(value):
            yield ", " * bool(number)
            yield from _pieces(item, levels - 1)
        yield "]"
    else:
        yield {None: "null", True: "true", False: "false"}.get(value) or _cut(str(value), 60)


def _says_who(key: object, value: object) -> bool:
    """Names and secrets of people and programs are hidden by the key under which they stand; texts under such a key
    (`user` also names a speaker) are not."""
    if not isinstance(key, str) or not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        return False
    if _IDENTITY.search(key):
        return _NO_WORD.fullmatch(str(value)) is not None
    return _SECRET.search(key) is not None


def _cut(text: str, most: int, *, is_cut: bool = False) -> str:
    """Not within a word or a number: half an address or half a card number would not be found any more."""
    if len(text) <= most and not is_cut:
        return text
    return _NUMBER_TAIL.sub("", _TAIL.sub("", text[:most])) + "…"
