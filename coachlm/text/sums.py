"""Sums that a text writes out, such as `3 × 4 + 1 = 13`, and whether they add up."""

import re
from math import prod

_NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,9})?|\d{1,12}(?:\.\d{1,9})?)"
_TERM = rf"[$€£]?{_NUMBER}"
_SUM = re.compile(
    rf"(?<![\w.^/-])({_TERM}(?:\s{{0,9}}[-+*/×÷−]\s{{0,9}}{_TERM}|\sx\s{_TERM}){{1,12}}+)\s{{0,9}}=\s{{0,9}}[$€£]?(-?{_NUMBER})"
    r"(?![\w^%/]|[.,]\d|\s{0,9}[-+*/×÷−]\s{0,9}\d)"
)
_PART = re.compile(rf"([-+*/×÷x−])?\s{{0,9}}[$€£]?({_NUMBER})")
_TIMES, _BY, _LESS = ("*", "×", "x"), ("/", "÷"), ("-", "−")


def sums(text: str) -> list[bool]:
    """Whether each written sum adds up, in order; what can't be computed is left out. A rounded result is right."""
    found = (_adds_up(match[1], match[2]) for match in _SUM.finditer(text))
    return [each for each in found if each is not None]


def wrong_sums(text: str) -> int:
    return sums(text).count(False)


def _adds_up(left: str, right: str) -> bool | None:
    products: list[list[float]] = []
    for operator, number in _PART.findall(left):
        value = _value(number)
        if operator in _TIMES:
            products[-1].append(value)
        elif operator in _BY:
            if value == 0:
                return None
            products[-1].append(1 / value)
        else:
            products.append([-value if operator in _LESS else value])
    decimals = len(right.partition(".")[2])
    return abs(sum(map(prod, products)) - _value(right)) <= 0.5 * 10**-decimals + 1e-9


def _value(number: str) -> float:
    return float(number.replace(",", ""))
