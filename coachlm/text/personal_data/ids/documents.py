"""Passports, driving licences, number plates and bank accounts: by the word before them, for many forms exist."""

import re
from collections.abc import Iterator

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.ids.cues import behind, called, digits_of

PASSPORT_WORDS = (
    *("passport", "reisepass", "pasaporte", "passeport", "passaporto", "passaporte", "paspoort", "paszport"),
    *("护照", "護照", "パスポート", "여권", "паспорт"),
)
LICENCE_WORDS = (
    *(
        "driver's license",
        "drivers license",
        "driver license",
        "driver’s license",
        "driver's licence",
        "driving licence",
    ),
    *("driving license", "driver_license", "drivers_license", "dl number", "license number", "licence number"),
    *(
        "führerschein",
        "führerscheinnummer",
        "permis de conduire",
        "carnet de conducir",
        "patente di guida",
        "prawo jazdy",
    ),
)
PLATE_WORDS = (
    *(
        "license plate",
        "licence plate",
        "number plate",
        "numberplate",
        "plate number",
        "car registration",
        "reg number",
    ),
    *("vehicle registration", "registration plate", "kennzeichen", "plaque d'immatriculation", "immatriculation"),
    *("matrícula", "matricula", "targa", "kenteken", "license_plate", "车牌", "車牌", "rejestracyjny"),
)
ACCOUNT_WORDS = (
    *(
        "account number",
        "account no",
        "account_number",
        "acct",
        "bank account",
        "account #",
        "routing number",
        "aba number",
    ),
    *("sort code", "kontonummer", "konto-nr", "kontonr", "número de cuenta", "numero de cuenta", "cuenta bancaria"),
    *(
        "numéro de compte",
        "compte bancaire",
        "conto corrente",
        "conta corrente",
        "numer konta",
        "银行账号",
        "口座番号",
        "계좌번호",
    ),
)
_PASSPORT = behind(r"(?<![A-Za-z0-9])[A-Z]{0,3}[0-9][A-Z0-9]{5,8}(?![\w-])|[A-Z][A-Z0-9]{7,8}(?![\w-])")
_LICENCE = behind(r"(?<![A-Za-z0-9])[A-Z0-9]{1,6}(?:[ -]?[A-Z0-9]{1,6}){1,6}(?![\w-])")
_PLATE = behind(r"(?<![A-Za-z0-9])[A-ZÄÖÜ0-9]{1,4}(?:[ ·-]{1,2}[A-ZÄÖÜ0-9]{1,5}){0,3}(?![\w-])|[A-Z0-9]{5,8}(?![\w-])")
_ACCOUNT = behind(r"(?<![A-Za-z0-9])[0-9](?:[ -]?[0-9]){5,18}(?![\w-]|[.,][0-9])")
# The two lines at the foot of a passport. Source: ICAO 9303-4.
_MACHINE_READABLE = re.compile(r"(?<![A-Z<])P[A-Z<][A-Z]{3}[A-Z<]{39}(?:\s?[A-Z0-9<]{44})?(?![A-Z0-9<])")
_PLATE_CHARACTERS = range(4, 10)
_DATE = re.compile(r"[0-9]{4}[ -][01][0-9][ -][0-3][0-9]\Z")


def find_documents(text: str) -> Iterator[Finding]:
    for match in called(text, PASSPORT_WORDS, _PASSPORT):
        if len(digits_of(match["value"])) >= 5:
            yield _finding(match, Kind.PASSPORT)
    for match in _MACHINE_READABLE.finditer(text):
        yield Finding(*match.span(), Kind.PASSPORT, match[0])
    for match in called(text, LICENCE_WORDS, _LICENCE):
        if len(digits_of(match["value"])) >= 4 and not _DATE.match(match["value"]):
            yield _finding(match, Kind.DRIVER_LICENSE)
    for match in called(text, PLATE_WORDS, _PLATE):
        characters = re.sub(r"[ ·-]", "", match["value"])
        if len(characters) in _PLATE_CHARACTERS and digits_of(characters) and not characters.isdecimal():
            yield _finding(match, Kind.LICENSE_PLATE)


def find_accounts(text: str) -> Iterator[Finding]:
    """Bank accounts without an IBAN, with their sort codes and routing numbers."""
    for match in called(text, ACCOUNT_WORDS, _ACCOUNT):
        if not _DATE.match(match["value"]):
            yield _finding(match, Kind.BANK_ACCOUNT)


def _finding(match: re.Match[str], kind: Kind) -> Finding:
    return Finding(*match.span("value"), kind, re.sub(r"[ ·-]", "", match["value"]))
