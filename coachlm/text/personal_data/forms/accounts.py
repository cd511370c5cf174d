"""Payment card and bank account numbers, each by its checksum."""

import re
from collections.abc import Iterator
from functools import cache

from coachlm.text.personal_data.forms.kinds import Finding, Kind

_CARD = re.compile(
    r"(?<![A-Za-z0-9_.])(?:"
    r"[0-9]{12,19}"
    r"|[0-9]{4}(?P<separator>[ .-])[0-9]{4}(?P=separator)[0-9]{4}(?P=separator)[0-9]{4}(?:(?P=separator)[0-9]{1,3})?"
    r"|[0-9]{4}(?P<amex>[ .-])[0-9]{6}(?P=amex)[0-9]{4,5}"
    r")(?![A-Za-z0-9_]|[.-][0-9])"
)
# Source: ISO/IEC 7812-1 and the networks' published ranges of issuer numbers.
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2}|35(?:2[89]|[3-8][0-9]))[0-9]{12,15}"  # Discover, UnionPay, JCB
    r"|(?:2131|1800)[0-9]{11}"  # JCB before 2000
    r"|(?:5018|5020|5038|6304|6759|676[1-3])[0-9]{9,15}"  # Maestro; those of 12 digits by the word before them
)
_CARD_WORDS = re.compile(r"card|(?<![a-z])cc(?![a-z])|visa|karte|tarjeta|carte|kreditk|cartão|carta di", re.IGNORECASE)
_WORD_REACH = 40
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_IBAN_START = re.compile(r"(?<![A-Za-z0-9_])(?P<country>[A-Za-z]{2})[0-9]{2}(?=[ -]?[A-Za-z0-9])")
# Characters of an IBAN by country. Source: SWIFT IBAN Registry (ISO 13616).
_IBAN_CHARACTERS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}


def find_cards(text: str) -> Iterator[Finding]:
    """Numbers whose Luhn digit is right and whose issuer is known, or which the text calls a card's."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ .-]", "", match[0])
        if luhn_holds(digits) and (
            _ISSUERS.fullmatch(digits) or _CARD_WORDS.search(text, max(0, match.start() - _WORD_REACH), match.start())
        ):
            yield Finding(*match.span(), Kind.CREDIT_CARD, digits)


def luhn_holds(digits: str) -> bool:
    """Source: ISO/IEC 7812-1, annex B."""
    numbers = [int(digit) for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0


def find_ibans(text: str) -> Iterator[Finding]:
    """Numbers of the country's length whose check digits are right, in one piece or in groups."""
    for start in _IBAN_START.finditer(text):
        length = _IBAN_CHARACTERS.get(start["country"].upper())
        match = length and _iban_of(length).match(text, start.start())
        if not match:
            continue
        number = re.sub("[ -]", "", match[0]).upper()
        # Letters count as 10 to 35. Source: ISO 7064, MOD 97-10.
        if int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1:
            yield Finding(*match.span(), Kind.IBAN, number)


@cache
def _iban_of(length: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[ -]?[A-Za-z0-9]){{{length}}}(?![A-Za-z0-9])")
