"""Which pairs are wanted, written as an expression: `signal:thumbs<0 and not class=creative`.

    expression = test, or expressions joined by `and`, `or`, `not` and parentheses
    test       = FIELD, or FIELD OPERATOR VALUE; a field alone asks whether it is there
    FIELD      = signal:NAME, or one of FIELDS
    OPERATOR   = `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` (contains)
    VALUE      = a number, a word, or a text in quotes

Words of praise and blame (`up`, `like`, true; `down`, `bad`, false) compare as 1 and -1. A test of what a pair doesn't
have doesn't hold. Nothing of an expression reaches a database: rows are tested one after the other.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coachlm.desk.dataset import DatasetRow
from coachlm.desk.signals import as_number, signals_of
from coachlm.errors import InputError

_Test = Callable[[DatasetRow], bool]
_TOKEN = re.compile(
    r"""\s*(?:(?P<op><=|>=|!=|==|=|<|>|~)|(?P<bracket>[()])|(?P<quoted>"[^"]*"|'[^']*')"""
    r"""|(?P<word>[^\s()<>=!~"']+))"""
)
_LONGEST = 2_000
_DEEPEST = 50
_SIGNAL = "signal:"
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FIELDS: Mapping[str, Callable[[DatasetRow], object]] = {
    "mark": lambda row: row.provenance.extra.get("mark"),  # good or bad
    "maybe_cut": lambda row: row.provenance.extra.get("maybe_cut"),
    "reasoning": lambda row: row.provenance.extra.get("reasoning"),
    "rejected": lambda row: row.provenance.extra.get("rejected"),
    "status": lambda row: row.status.value,
    "class": lambda row: row.task_class and row.task_class.value,
    "format": lambda row: row.provenance.format,
    "model": lambda row: row.provenance.model,
    "language": lambda row: row.provenance.language,
    "source": lambda row: row.provenance.position.source,
    "turn": lambda row: row.provenance.turn,
    "time": lambda row: row.provenance.timestamp and row.provenance.timestamp.isoformat(),
    "adapter": lambda row: row.revision and row.revision.adapter,
    "engine": lambda row: row.revision and row.revision.engine,
}


@dataclass(frozen=True)
class Where:
    """A parsed expression."""

    text: str
    holds: _Test


def parse_where(text: str) -> Where:
    """Raises: InputError, naming the place and what may stand there."""
    if len(text) > _LONGEST:
        raise InputError(f"the expression has {len(text):,} characters; at most {_LONGEST:,} are read")
    return Where(text, _Parser(text).whole())


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    """Recursive descent, one method a rule."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._read())
        self._at = 0

    def whole(self) -> _Test:
        test = self._any(0)
        if (left := self._peek()) is not None:
            raise self._error(left, "`and`, `or` or the end")
        return test

    def _any(self, depth: int) -> _Test:
        tests = [self._all(depth)]
        while self._takes_word("or"):
            tests.append(self._all(depth))
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self, depth: int) -> _Test:
        tests = [self._one(depth)]
        while self._takes_word("and"):
            tests.append(self._one(depth))
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _one(self, depth: int) -> _Test:
        if depth > _DEEPEST:
            raise InputError(f"the expression is nested deeper than {_DEEPEST} levels")
        if self._takes_word("not"):
            denied = self._one(depth + 1)
            return lambda row: not denied(row)
        token = self._next("a field, `not` or `(`")
        if token.text == "(" and token.kind == "bracket":
            test = self._any(depth + 1)
            closing = self._next("`)`")
            if closing.text != ")" or closing.kind != "bracket":
                raise self._error(closing, "`)`")
            return test
        return self._test(token)

    def _test(self, token: _Token) -> _Test:
        if token.kind != "word":
            raise self._error(token, "a field, `not` or `(`")
        field = self._field(token)
        after = self._peek()
        if after is None or after.kind != "op":
            return lambda row: field(row) not in (None, False, "", [])
        self._at += 1
        value = self._next("a value behind the operator")
        if value.kind not in ("word", "quoted"):
            raise self._error(value, "a value behind the operator")
        wanted = value.text[1:-1] if value.kind == "quoted" else value.text
        if after.text in _ORDERS and as_number(wanted) is None and token.text.lower() != "time":
            raise self._error(value, f"a number behind `{after.text}`")
        compare = _comparison(after.text, wanted)
        return lambda row: (found := field(row)) is not None and compare(found)

    def _field(self, token: _Token) -> Callable[[DatasetRow], object]:
        name = token.text
        if name.lower().startswith(_SIGNAL):
            signal = name[len(_SIGNAL) :] or self._quoted_name(token)
            return lambda row: _signal(row, signal)
        if (field := FIELDS.get(name.lower())) is not None:
            return field
        raise self._error(token, f"signal:NAME or a field ({', '.join(FIELDS)})")

    def _quoted_name(self, token: _Token) -> str:
        """`signal:"user feedback"`."""
        following = self._peek()
        if following is None or following.kind != "quoted" or len(following.text) < 3:
            raise self._error(token, "the signal's name behind `signal:`, such as signal:thumbs")
        self._at += 1
        return following.text[1:-1]

    def _read(self) -> "list[_Token]":
        tokens, at = [], 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                place = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                raise InputError(self._sentence(place, "a field, an operator or a value; quotes have to be closed"))
            tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        return tokens

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            raise InputError(self._sentence(len(self._text), wanted))
        self._at += 1
        return token

    def _takes_word(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "word" or token.text.lower() != word:
            return False
        self._at += 1
        return True

    def _error(self, token: _Token, wanted: str) -> InputError:
        return InputError(self._sentence(token.at, wanted))

    def _sentence(self, at: int, wanted: str) -> str:
        rest = self._text[at : at + 20]
        there = f"`{rest}`" if rest else "the end"
        return f"in the expression `{self._text[:100]}`, at character {at + 1} ({there}): expected {wanted}"


def _signal(row: DatasetRow, name: str) -> object:
    found = signals_of(row.provenance.extra)
    if name not in found:
        return None
    return True if found[name] is None else found[name]


def _comparison(op: str, wanted: str) -> Callable[[object], bool]:
    if op == "~":
        return lambda found: wanted.casefold() in str(found).casefold()
    if op in ("=", "=="):
        return lambda found: _equal(found, wanted)
    if op == "!=":
        return lambda found: not _equal(found, wanted)
    order, number = _ORDERS[op], as_number(wanted)

    def compare(found: object) -> bool:
        value = as_number(found)
        if number is None or value is None:  # times in ISO 8601 sort as texts do
            return isinstance(found, str) and number is None and order(*_signs(found, wanted))
        return order(value, number)

    return compare


def _signs(found: str, wanted: str) -> tuple[float, float]:
    return float(found > wanted) - float(found < wanted), 0.0


def _equal(found: object, wanted: str) -> bool:
    if isinstance(found, bool) and wanted in ("0", "1"):  # beside -1 and 1, as praise and blame compare
        return found is (wanted == "1")
    if _plain(found) == _plain(wanted):
        return True
    one, other = as_number(found), as_number(wanted)
    return one is not None and one == other


def _plain(value: object) -> str:
    return str(value).strip().casefold().replace("_", " ").replace("-", " ")
