"""Numbers that states give to people: those whose form and checksum tell, and those that the text names."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.ids.cues import behind, called, digits_of


@dataclass(frozen=True, slots=True)
class IdForm:
    """A number as it is written; `check` is the module of python-stdnum that says whether it can exist."""

    check: str
    written: re.Pattern[str]


def _form(check: str, pattern: str) -> IdForm:
    return IdForm(check, re.compile(rf"(?<![\w.,+/>-])(?<![0-9] )(?:{pattern})(?![\w/+-]|[.,][0-9]| [0-9])"))


# Forms in which the checksum, or groups and a plausible date, rule chance out. Sources: python-stdnum's modules, which
# name each state's own publication.
_BARE = (
    _form("us.ssn", r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}"),
    _form("us.itin", r"9[0-9]{2}-[5-9][0-9]-[0-9]{4}"),
    _form("", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] [0-9]{2} [0-9]{2} [0-9]{2} [A-D]"),  # United Kingdom's NINO
    _form("es.dni", r"[0-9]{8}-?[ACDEFHJLNPQRSVW-Z]|[0-9]{8}-[BGKMT]"),  # `12345678K` may be a size
    _form("es.nie", r"[XYZ]-?[0-9]{7}-?[A-HJ-NP-TV-Z]"),
    _form("br.cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}"),
    _form("in_.aadhaar", r"(?!20[0-9]{2} 20)[2-9][0-9]{3}(?P<gap>[ -])[0-9]{4}(?P=gap)[0-9]{4}"),
    _form("in_.pan", r"[A-Z]{3}[ABCFGHLJPT][A-Z][0-9]{4}[A-Z]"),
    _form("de.idnr", r"[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}"),
    _form("fr.nir", r"[12] ?[0-9]{2} ?[01][0-9] ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}"),
    _form("it.codicefiscale", r"[A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z]"),
    _form("se.personnummer", r"(?:19|20)?[0-9]{2}[01][0-9][0-3][0-9][-+][0-9]{4}"),
    _form("no.fodselsnummer", r"[0-7][0-9][0-5][0-9]{3} [0-9]{5}"),
    _form("fi.hetu", r"[0-3][0-9][01][0-9]{3}[-+A][0-9]{3}[0-9A-FHJ-NPR-Y]"),
    _form("be.nn", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}"),
    _form("ch.ssn", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}"),
    _form("cn.ric", r"[1-9][0-9]{5}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9X]"),
    _form("kr.rrn", r"[0-9]{2}[01][0-9][0-3][0-9]-[1-8][0-9]{6}"),
    _form("mx.curp", r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]"),
    _form("cl.rut", r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9K]"),
    _form("my.nric", r"[0-9]{2}[01][0-9][0-3][0-9]-[0-9]{2}-[0-9]{4}"),
    _form("cz.rc", r"[0-9]{2}[0-8][0-9][0-3][0-9]/[0-9]{4}"),
)
# Words for a number of which the form says little; the text's own word is believed, whatever its checksum says.
_NAMED = (
    *(
        "ssn",
        "social security",
        "social insurance",
        "sin number",
        "national insurance",
        "nino",
        "ni number",
        "nhs number",
    ),
    *("national id", "national identi", "personal identi", "identity number", "identity card", "identification number"),
    *(
        "citizen id",
        "tax id",
        "tax file number",
        "tfn",
        "taxpayer",
        "itin",
        "dni",
        "nie",
        "nif",
        "cpf",
        "aadhaar",
        "aadhar",
    ),
    *("pan card", "pan number", "pesel", "steuer-id", "steuerid", "steueridentifikationsnummer", "steuerliche", "idnr"),
    *("sozialversicherungsnummer", "numéro de sécurité sociale", "sécurité sociale", "codice fiscale", "bsn"),
    *("burgerservicenummer", "personnummer", "fødselsnummer", "henkilötunnus", "cpr", "rijksregisternummer", "ahv"),
    *("curp", "rut", "nric", "cnp", "rodné číslo", "oib", "egn", "medicare number", "medicaid", "tckn", "kimlik"),
    *("身份证", "身份證", "マイナンバー", "my number", "주민등록번호", "снилс", "инн", "आधार"),
)
_NAMED_VALUE = behind(r"(?<![\w.-])[A-Za-z]{0,4}[ -]?[0-9](?:[ .\-/]?[A-Za-z0-9]){5,19}(?![\w-]|[.,][0-9])")
_FEWEST_DIGITS = 5
_FEWEST_DIFFERENT = 3
_DATE = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]\Z|[0-3]?[0-9]([./-])[01]?[0-9]\1(?:19|20)[0-9]{2}\Z")
_WORDS_INSIDE = re.compile(r" [A-Za-z]{2,}.*|\s[a-z]\b.*|\.\Z")

NAMING_WORDS = _NAMED


def find_checked_ids(text: str) -> Iterator[Finding]:
    """Numbers whose form and check digits are right, whatever the text says of them."""
    for form in _BARE:
        for match in form.written.finditer(text):
            if len(set(re.sub(r"\W", "", match[0]))) >= _FEWEST_DIFFERENT and _holds(form.check)(match[0]):
                yield _finding(*match.span(), match[0])


def find_named_ids(text: str) -> Iterator[Finding]:
    """Numbers that the text calls those of a person at an authority."""
    for match in called(text, _NAMED, _NAMED_VALUE):
        written = _WORDS_INSIDE.sub("", match["value"])
        if len(digits_of(written)) >= _FEWEST_DIGITS and not _DATE.match(written):
            start = match.start("value")
            yield _finding(start, start + len(written), written)


def _finding(start: int, end: int, written: str) -> Finding:
    return Finding(start, end, Kind.NATIONAL_ID, re.sub(r"[ .\-/]", "", written).upper())


@cache
def _holds(check: str) -> Callable[[str], bool]:
    return import_module(f"stdnum.{check}").is_valid if check else lambda _: True
