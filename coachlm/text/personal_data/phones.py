"""Phone numbers: international ones, national ones of some regions, and what a text itself calls a phone number."""

# See docs/decisions/0036-phonenumbers-for-candidates.md

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import phonenumbers

from coachlm.errors import SettingsError
from coachlm.text.personal_data.kinds import Finding, Kind
from coachlm.text.personal_data.words import places_of

REGIONS = ("US", "CA", "GB", "IE", "AU", "NZ", "IN", "ZA", "DE", "AT", "CH", "FR", "BE", "NL", "IT", "ES", "JP", "BR")
"""Regions whose national formats are recognised unless others are asked for."""

_CROWD = 1000
_Number = tuple[str, str]  # as written, and in normal form

_MORE = r"(?:[ ().\-/]{0,3}[0-9])"
_INTERNATIONAL = re.compile(
    rf"(?<![+0-9])(?:\+|(?<![0-9)] )\+ )\(?[1-9]{_MORE}{{6,14}}(?![0-9])"
    r"|(?<![\w.,:+-])(?:00|011[ -]) ?[1-9](?:[ ()\-/]{0,3}[0-9]){6,14}(?!\w)"
)
# The North American form, whose shape says enough even where the number is made up (555).
_THREE_THREE_FOUR = re.compile(
    r"(?<![\w.+])(?<![0-9]-)(?:1[ .-])?"
    r"(?:\([0-9]{3}\)[ -]?[0-9]{3}[ .-]|[0-9]{3}(?P<separator>[ .-])[0-9]{3}(?P=separator))[0-9]{4}(?!\w|[.-][0-9])"
)
_TRUNK_ZERO = re.compile(
    r"(?<![\w.,+/-])(?<![0-9] )\(?0[1-9][0-9]{0,4}\)?(?:[ \-/]{1,3}[0-9]{2,9}){1,5}(?!\w|[.,-][0-9])"
)
_NAMES = (
    "phone",
    "tel",
    "tél",
    "mobile",
    "cell",
    "fax",
    "whatsapp",
    "hotline",
    "landline",
    "handy",
    "call",
    "text me",
    "dial",
    "móvil",
    "numéro",
    "手机",
    "手機",
    "电话",
    "電話",
    "телефон",
    "тел",
    "전화",
)
_CALLED_PHONE = re.compile(
    r"(?:(?<![iI])phones?|手机|手機|电话|電話|전화"
    r"|(?<![^\W_])(?:t[eé]l(?:e(?:phones?|fone?|fono)|éfono|éphone)?|mobile|cell(?:phone|ular)?|fax|whatsapp|hotline"
    r"|landline|handy|call(?: me| us| them| him| her)?|text me|dial|móvil|numéro|телефон|тел))"
    r"(?:[ _.-]?(?:numbers?|no|nr|num|is|at|on|号码|號碼|番号|번호))*+[\s.:=#\"'`*]{0,6}"
    rf"(?P<value>[+(]?[0-9]{_MORE}{{6,14}})(?!\w)",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"[+(]?[0-9]+\.[0-9]+")
_DATE = re.compile(
    r"\(?(?:[0-9]{1,2}/[0-9]{4}|[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2,4}|[0-9]{4}([-/.])[0-9]{1,2}\2[0-9]{1,2})(?![0-9])"
)
_DOTTED_QUAD = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_DIALLED_ABROAD = re.compile(r"\A(?:011|00)[ -]*")
_GROUPED = re.compile(r"\A[^.]*[0-9][ ()-]+[0-9][^.]*\Z")
_DASHED = re.compile(r"\)|-[0-9]{4}\Z")
_LAST_GROUP = re.compile(r"[^0-9]+[0-9]+\Z")


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

    def _three_three_four(self, written: str) -> _Number | None:
        number = _valid(written, self._north_american)
        if number is None and not _DASHED.search(written):
            return None  # numbers in a table look like this too
        digits = _digits(written)
        return written, number or (digits if len(digits) == 11 else f"1{digits}")

    def _trunk_zero(self, candidate: str) -> _Number | None:
        if _DATE.match(candidate):
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
        number = judge(match[group])
        if number is not None:
            written, value = number
            start = match.start(group)
            if written.startswith("(") and ")" not in written:
                written, start = written[1:], start + 1
            yield Finding(start, start + len(written), Kind.PHONE, value)


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
        shorter = _LAST_GROUP.sub("", written)
        if shorter == written:
            return None
        written = shorter
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
