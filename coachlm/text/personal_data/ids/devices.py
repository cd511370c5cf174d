"""Numbers of devices and vehicles: MAC addresses, IMEIs, vehicle identification numbers."""

import re
from collections.abc import Iterator

from coachlm.text.personal_data.forms.accounts import luhn_holds
from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.ids.cues import behind, called, digits_of

IMEI_WORDS = ("imei",)
VIN_WORDS = ("vin", "chassis number", "vehicle identification", "fahrgestellnummer", "chassisnummer", "frame number")

_MAC = re.compile(
    r"(?<![\w:.-])[0-9A-Fa-f]{2}(?P<gap>[:-])[0-9A-Fa-f]{2}(?:(?P=gap)[0-9A-Fa-f]{2}){4}(?![\w-]|:[0-9A-Fa-f])"
)
# What manuals and exercises write.
_MADE_UP = re.compile(
    r"(?:00){6}|(?:ff){6}|001122334455|112233445566|aabbccddeeff|0123456789ab|deadbeef.{4}|(?:xx){6}|(..)\1{4}..",
    re.IGNORECASE,
)
_IMEI = behind(r"[0-9]{2}-?[0-9]{4}(?:-?[0-9]{2}-?|[ -]?)[0-9]{4,6}[ -]?[0-9]{1,6}[ -]?[0-9]?(?![\w-])")
_VIN = r"[A-HJ-NPR-Z0-9]{17}"
_BARE_VIN = re.compile(rf"(?<![\w/+=-]){_VIN}(?![\w/+=-])")
_CALLED_VIN = behind(rf"(?<!\w){_VIN}(?!\w)")
# Values of the letters and weights of the places. Source: 49 CFR § 565.15.
_VIN_VALUES = {**{str(digit): digit for digit in range(10)}, **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [
    1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9], strict=True))}  # fmt: skip
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_CHECK_PLACE = 8


def find_macs(text: str) -> Iterator[Finding]:
    for match in _MAC.finditer(text):
        digits = re.sub("[:-]", "", match[0]).lower()
        if not _MADE_UP.fullmatch(digits):
            yield Finding(*match.span(), Kind.MAC_ADDRESS, digits)


def find_devices(text: str) -> Iterator[Finding]:
    for match in called(text, IMEI_WORDS, _IMEI):
        digits = digits_of(match["value"])
        if len(digits) in (14, 16) or (len(digits) == 15 and luhn_holds(digits)):
            yield Finding(*match.span("value"), Kind.IMEI, digits)
    for match in called(text, VIN_WORDS, _CALLED_VIN):
        if digits_of(match["value"]):
            yield Finding(*match.span("value"), Kind.VIN, match["value"])


def find_vins(text: str) -> Iterator[Finding]:
    """Those with the check digit that North America and China demand, and a running number at the end."""
    for match in _BARE_VIN.finditer(text):
        number = match[0]
        if (
            number[-4:].isdecimal()
            and sum(map(str.isalpha, number)) >= 3
            and check_digit(number) == number[_VIN_CHECK_PLACE]
        ):
            yield Finding(*match.span(), Kind.VIN, number)


def check_digit(number: str) -> str:
    total = sum(_VIN_VALUES[character] * weight for character, weight in zip(number, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11]
