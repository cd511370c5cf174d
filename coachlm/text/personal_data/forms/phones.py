"""Phone numbers: international ones, national ones of some regions, and what a text itself calls a phone number."""

# See docs/decisions/0036-phonenumbers-for-candidates.md

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import phonenumbers

from coachlm.errors import SettingsError
from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.forms.words import places_of

REGIONS = ("US", "CA", "GB", "IE", "AU", "NZ", "IN", "ZA", "DE", "AT", "CH", "FR", "BE", "NL", "IT", "ES", "JP", "BR")
"""Regions whose national formats are recognised unless others are asked for."""

_LETTERS = "A-Za-z\u00c0-\u052f"
"""After a number, those of Latin, Greek and Cyrillic only: in Chinese or Japanese a word follows without a space."""

_CROWD = 1000
_LABELLED_CROWD = 100
_Number = tuple[str, str]  # as written, and in normal form

_MORE = r"(?:[ ().\-/]{0,3}[0-9])"
_INTERNATIONAL = re.compile(
    rf"(?<![+0-9])(?:\+|(?:(?<![\w)\]}}] )(?<![\w)\]}}])|(?<=[A-Za-z]{{2}} ))\+ )\(?[1-9]{_MORE}{{6,14}}(?![0-9])"
    r"|(?<![\w.,:+-])(?:00|011[ -]) ?[1-9](?:[ ()\-/]{0,3}[0-9]){6,14}(?!\w)"
)
# The North American form, whose shape says enough even where the number is made up (555).
_THREE_THREE_FOUR = re.compile(
    r"(?<![\w.+])(?<![0-9]-)(?:1[ .-])?"
    r"(?:\([0-9]{3}\)[ -]?[0-9]{3}[ .-]|[0-9]{3}(?P<separator>[ .-])[0-9]{3}(?P=separator))[0-9]{4}"
    r"(?: ?(?:x|ext\.?) ?[0-9]{1,5})?(?!\w|[.-][0-9])"
)
_TRUNK_ZERO = re.compile(
    r"(?<![\w.,+/-])(?<![0-9] )(?<!NDC )\(?0[1-9][0-9]{0,4}\)?(?:[ \-/]{1,3}[0-9]{2,9}){1,5}"
    rf"(?![{_LETTERS}0-9_]|[.,-][0-9])"
)
_NAMES = (
    *("phone", "tel", "tél", "mobile", "cell", "fax", "whatsapp", "hotline", "landline", "handy", "call", "text me"),
    *("dial", "móvil", "numéro", "rufnummer", "numer ", "desk:", "office:", "sms", "reach", "answering", "messages to"),
    *("contact me", "contact us", "registered", "手机", "手機", "电话", "電話", "携帯"),
    *("телефон", "тел", "номер", "전화", "휴대폰"),
)
_CALLED_PHONE = re.compile(
    r"(?:(?<![iI])phones?|手机|手機|电话|電話|携帯|전화|휴대폰"
    r"|(?<![^\W_])(?:t[eé]l(?:e(?:phones?|fone?|fono|fonu?)|éfono|éphone)?|mobile|cell(?:phone|ulare?)?"
    r"|fax|whatsapp|hotline|landline|handy|call(?: me| us| them| him| her)?|text me|dial|móvil|numéro|rufnummer|numer"
    r"|desk:|office:|sms"
    r"|reach(?:ed)?(?: me| us| them| him| her)?|answering|messages to|contact (?:me|us)|registered|телефон|тел|номер))"
    r"(?:[ _.-]?(?:numbers?|no|nr|num|nummer|número|numero|telefonu|телефона|is|at|on|es|est|ist|jest|to|de|number:"
    r"|号码|號碼|番号|电话|電話|번호|は|が|是|为|는|은))*+[\s.:=#\"'`*：]{0,6}"
    rf"(?P<value>[+(]?[0-9]{_MORE}{{6,14}})(?![{_LETTERS}0-9_])",
    re.IGNORECASE,
)
_LABELS_BEHIND = ("office", "fax", "mobile", "cell")
_BEFORE_LABEL = re.compile(r"(?<![\w.+-])(?<![0-9][ ,])(?P<value>\(?[0-9][0-9 ().-]{5,16}[0-9]) ?[-(]? ?\Z")
_AFTER_LABEL = re.compile(r"[a-z]{3,6}[ \t]*(?:[\n,;)]|\Z)", re.IGNORECASE)
_LABELLED_CHARACTERS = 26
_ARITHMETIC_AFTER = re.compile(r" ?(?:=|\^|[*×÷]{1,2} ?[0-9(a-z]|[<>]=| [<>] |[a-zA-Z] [-+=*/])")
_ARITHMETIC_BEFORE = re.compile(r"(?:[0-9a-zA-Z)] ?[*×÷^] ?|[0-9a-z)] [-/] |[0-9)] ?= ?)\Z")
_OPERATION = re.compile(r" [-/] ")
_DECIMAL = re.compile(r"[+(]?[0-9]+\.[0-9]+")
_MONTH_OR_DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    rf"\(?(?:[0-9]{{1,2}}/[0-9]{{4}}|{_MONTH_OR_DAY}([-/.]){_MONTH_OR_DAY}\1(?:[0-9]{{4}}|[0-9]{{2}}(?!\1))"
    rf"|[0-9]{{4}}([-/.]){_MONTH_OR_DAY}\2{_MONTH_OR_DAY}(?!\2[0-9]))(?![0-9])"
)
_ROW_OF_PAIRS = re.compile(r"(?:[0-9]{2} ){5}[0-9]{2}")  # a French number has five; more are numbers in a row
_DOTTED_QUAD = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_DIALLED_ABROAD = re.compile(r"\A(?:011|00)[ -]*")
_GROUPED = re.compile(r"\A[^.]*[0-9][ ()-]+[0-9][^.]*\Z")
_DASHED = re.compile(r"\)|-[0-9]{4}(?:\Z| ?x| ?ext)")
_EXTENSION = re.compile(r" ?(?:x|ext\.?) ?[0-9]+\Z")
_LAST_GROUP_REVERSED = re.compile(r"[0-9]+[^0-9]+")


class PhoneFinder:
    """Finds phone numbers; `regions` are ISO 3166 codes of the countries whose national formats count.

    Raises: SettingsError for a region that is none.
    """

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        unknown = [region for region in regions if region not in phonenumbers.SUPPORTED_REGIONS]
        if unknown:
            raise SettingsError(f"no such phone region: {', '.join(unknown)}; give ISO 3166 codes such as US or DE")
        self._regions = tuple(regions)
        self._north_american = tuple(r for r in regions if phonenumbers.country_code_for_region(r) == 1)
        self._with_trunk_zero = tuple(r for r in regions if r not in self._north_american)

    def find(self, text: str) -> Iterator[Finding]:
        yield from _judged(_INTERNATIONAL.finditer(text), 0, _international)
        if self._north_american:
            yield from _judged(_THREE_THREE_FOUR.finditer(text), 0, self._three_three_four)
        if self._with_trunk_zero:
            yield from _judged(_TRUNK_ZERO.finditer(text), 0, self._trunk_zero)
        called = (_CALLED_PHONE.match(text, place) for place in places_of(_NAMES, text))
        yield from _judged(filter(None, called), "value", self._called_phone)
        yield from self._labelled(text)

    def _labelled(self, text: str) -> Iterator[Finding]:
        """Numbers with their label behind them, as in signatures: `416 60 039 office`."""
        places = list(places_of(_LABELS_BEHIND, text))
        judge = self._called_phone if len(places) <= _LABELLED_CROWD else _unjudged
        for place in places:
            if not _AFTER_LABEL.match(text, place):
                continue
            begin = max(0, place - _LABELLED_CHARACTERS)
            match = _BEFORE_LABEL.search(text[begin:place])
            if match and len(_digits(match["value"])) >= 7:
                start = begin + match.start("value")
                found = judge(match["value"])
                if found:
                    yield Finding(start, start + len(found[0]), Kind.PHONE, found[1])

    def _three_three_four(self, written: str) -> _Number | None:
        number = _valid(written, self._north_american)
        if number is None and not _DASHED.search(written):
            return None  # numbers in a table look like this too
        digits = _digits(_EXTENSION.sub("", written))
        return written, number or (digits if len(digits) == 11 else f"1{digits}")

    def _trunk_zero(self, candidate: str) -> _Number | None:
        if _DATE.match(candidate) or _ROW_OF_PAIRS.match(candidate):
            return None
        found = _longest_valid(candidate, self._with_trunk_zero)
        return found if found and len(_digits(found[0])) >= 9 else None

    def _called_phone(self, candidate: str) -> _Number | None:
        if _DECIMAL.fullmatch(candidate) or _DATE.match(candidate) or _DOTTED_QUAD.fullmatch(candidate):
            return None
        return _longest_valid(candidate, self._regions) or _unjudged(candidate)


def _judged(
    matches: Iterable[re.Match[str]], group: int | str, judge: Callable[[str], _Number | None]
) -> Iterator[Finding]:
    """What `judge` takes for a number; a text with a crowd of candidates is a dump, in which the form is enough."""
    candidates = list(matches)
    if len(candidates) > _CROWD:
        judge = _unjudged
    for match in candidates:
        number = None if _is_arithmetic(match, group) else judge(match[group])
        if number is not None:
            written, value = number
            start = match.start(group)
            if written.startswith("(") and ")" not in written:
                written, start = written[1:], start + 1
            yield Finding(start, start + len(written), Kind.PHONE, value)


def _is_arithmetic(match: re.Match[str], group: int | str) -> bool:
    """A sum, an equation or a term: `622x + 3751 - 3751 = …`."""
    start, end = match.span(group)
    text, written = match.string, match[group]
    if _ARITHMETIC_AFTER.match(text, end) or _ARITHMETIC_BEFORE.search(text, max(0, start - 4), start):
        return True
    return written.startswith("+ ") and _OPERATION.search(written) is not None


def _unjudged(candidate: str) -> _Number:
    return candidate, _digits(candidate)


def _international(candidate: str) -> _Number | None:
    """The number at the start of the candidate; else the whole, if it is written like one (`+1 555 …` is made up)."""
    if _DECIMAL.fullmatch(candidate):
        return None
    with_plus = _DIALLED_ABROAD.sub("+", candidate)
    found = _longest_valid(with_plus, (None,))
    if found:
        return candidate[: len(candidate) - len(with_plus) + len(found[0])], found[1]
    is_like_one = with_plus is candidate and _GROUPED.search(candidate) and _parsed(candidate, None)
    return _unjudged(candidate) if is_like_one else None


def _longest_valid(written: str, regions: Sequence[str | None]) -> _Number | None:
    """The longest start of `written`, whole groups only, that is a valid number, and its normal form."""
    while len(_digits(written)) >= 7:
        number = _valid(written, regions)
        if number:
            return written, number
        last = _LAST_GROUP_REVERSED.match(written[::-1])
        if last is None:
            return None
        written = written[: -last.end()]
    return None


def _valid(written: str, regions: Sequence[str | None]) -> str | None:
    """Country code and national number, if the number exists in one of the regions (None: it names its own)."""
    for region in regions:
        number = _parsed(written, region)
        if number and phonenumbers.is_valid_number(number):
            return f"{number.country_code}{number.national_number}"
    return None


def _parsed(written: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _digits(written: str) -> str:
    return re.sub(r"[^0-9]", "", written)
