"""Numbers in a text, brought to one form: `1,000` and `1000`, `five` and `5` are the same number."""

import re

_VALUES = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "dozen": 12,
    "hundred": 100,
    "thousand": 1000,
    "million": 1_000_000,
}
_NUMBER = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3}){1,10}(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)?)|\b(?P<word>" + "|".join(_VALUES) + r")\b",
    re.IGNORECASE,
)


def numbers(text: str) -> list[tuple[str, int, int]]:
    """(value, start, end) of every number, in order."""
    return [(_value(match), *match.span()) for match in _NUMBER.finditer(text)]


def number_values(text: str) -> set[str]:
    return {value for value, _, _ in numbers(text)}


def _value(match: re.Match[str]) -> str:
    if match["word"]:
        return str(_VALUES[match["word"].lower()])
    whole, _, fraction = match["digits"].replace(",", "").partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole
