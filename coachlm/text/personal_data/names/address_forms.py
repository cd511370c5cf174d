"""Forms of postal addresses: military ones, boxes, and the lines that follow a street."""

import re
from collections.abc import Iterator

from coachlm.text.personal_data.forms.kinds import Finding, Kind

_MILITARY = re.compile(
    r"(?<!\w)(?:(?:PSC|Unit|CMR)\s[0-9]{1,5},?\sBox\s[0-9]{1,5}|(?:USS|USNS|USNV|USCGC)\s[^\W\d_]+(?:\s[^\W\d_]+)?),?[\s>?]{1,6}"
    r"(?:APO|FPO|DPO),?\s(?:AA|AE|AP)\s[0-9]{5}(?:-[0-9]{4})?(?!\w)",
    re.IGNORECASE,
)
_BOX = re.compile(
    r"(?<!\w)(?:[0-9]{1,6} )?(?:P\.? ?O\.? Box|Postfach|Apartado|Boîte postale) [0-9]{1,6}(?!\w)", re.IGNORECASE
)
_KINDS_OF_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Close|Crescent"
    "|Parkway|Pkwy|Highway|Hwy|Circle|Trail"
)
_ENDINGS = "straße|strasse|str\\.|weg|gasse|platz|allee|straat|laan|gata|gatan|vägen|veien|gade|vej|tie|katu"
_OPENINGS = "Rue|Avenue|Boulevard|Calle|Avenida|Rua|Via|Viale|Piazza|Paseo|Plaza|Carrer|ulica|ul\\."
_ARTICLES = "(?:(?:de|del|de la|des|du|da|do|dos|della|di|la|el|les|los) )?"
_STREET = re.compile(
    rf"(?<![\w.])[0-9]{{1,5}}[a-z]?,? (?:[NSEW]\.? )?(?:[A-ZÀ-Þ][^\W\d_]+\.? ){{1,3}}(?:{_KINDS_OF_STREET})\b\.?"
    rf"|(?<!\w)[A-ZÄÖÜ][^\W\d_]{{2,40}}(?:{_ENDINGS}) [0-9]{{1,4}}[a-z]?(?!\w)"
    rf"|(?<!\w)(?:{_OPENINGS}) {_ARTICLES}[A-ZÀ-Þ][^\W\d_]+(?: [A-ZÀ-Þ][^\W\d_]+){{0,2}},? [0-9]{{1,4}}[a-z]?(?!\w)"
)
_ROOM = r"(?:Apt|Apartment|Suite|Unit|Floor|Flat|Room)\.? ?#?[0-9][\w-]{0,6}"
_TOWN = r"[^\W\d_a-z][^\W\d_]*(?:[ -][^\W\d_]+){0,3}(?: \([^\W\d_]+\))?"
_BREAK = r"[\s,>?]{1,8}"
_ROOMS_BEHIND = re.compile(rf"(?:{_BREAK}{_ROOM}(?!\w)){{1,3}}", re.IGNORECASE)
_TOWN_BEHIND = re.compile(rf"(?:{_BREAK}{_TOWN}){{0,3}}?{_BREAK}(?:{_TOWN} )?[0-9]{{4,6}}(?:-[0-9]{{4}})?(?![\w-])")
_NUMBER_BEFORE = re.compile(r"(?<![\w.])[0-9]{1,6} \Z")


def find_addresses(text: str) -> Iterator[Finding]:
    for pattern in (_MILITARY, _BOX, _STREET):
        for match in pattern.finditer(text):
            start, end = whole_address(text, *match.span())
            yield Finding(start, end, Kind.ADDRESS, " ".join(text[start:end].split()).casefold())


def whole_address(text: str, start: int, end: int) -> tuple[int, int]:
    """With the number before it, and the rooms, the town and its code behind it, over a few lines."""
    before = _NUMBER_BEFORE.search(text, max(0, start - 8), start)
    for behind in (_ROOMS_BEHIND, _TOWN_BEHIND):
        match = behind.match(text, end)
        end = match.end() if match else end
    return (before.start() if before else start), end
