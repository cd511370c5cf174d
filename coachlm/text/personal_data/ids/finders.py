"""Which of these finders a text needs."""

import re
from collections.abc import Callable, Iterator

from coachlm.text.personal_data.forms.kinds import Finding
from coachlm.text.personal_data.ids import devices, documents, national, people
from coachlm.text.personal_data.ids.wallets import find_wallets

Finder = Callable[[str], Iterator[Finding]]

_DIGIT = re.compile("[0-9]")
_SIX_DIGITS = re.compile(
    r"[0-9](?:[ .\-/A-Z+]{0,3}[0-9]){5}|[A-Z]{5}[0-9]{4}[A-Z]"
)  # every number of a state has them in a row
_MAC_START = re.compile(r"(?<=[0-9A-Fa-f]{2})[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]")
_LONG_MIXED = re.compile(r"[A-Za-z0-9]{17}")
_WORDS_WITH_NUMBERS = (
    (national.NAMING_WORDS, national.find_named_ids),
    (
        (*documents.PASSPORT_WORDS, *documents.LICENCE_WORDS, *documents.PLATE_WORDS, "p<"),
        documents.find_documents,
    ),
    (documents.ACCOUNT_WORDS, documents.find_accounts),
    ((*devices.IMEI_WORDS, *devices.VIN_WORDS), devices.find_devices),
    ((*people.BIRTH_WORDS, "born"), people.find_birth_dates),
)
_DECIMALS = re.compile(r"[0-9]\.[0-9]{4}|[0-9]° ?[0-9]")


def id_finders(text: str, lower: str) -> Iterator[Finder]:
    """Those that can find anything in the plain form of a text; `lower` is the same in lower case."""
    if any(map(lower.__contains__, people.HANDLE_WORDS)) or any(map(lower.__contains__, people.PROFILE_MARKS)):
        yield people.find_handles
    if not _DIGIT.search(text):
        return
    for words, finder in _WORDS_WITH_NUMBERS:
        if any(map(lower.__contains__, words)):
            yield finder
    if _SIX_DIGITS.search(text):
        yield national.find_checked_ids
    if _DECIMALS.search(text):
        yield people.find_coordinates
    if _MAC_START.search(text):
        yield devices.find_macs
    if _LONG_MIXED.search(text):
        yield from (devices.find_vins, find_wallets)
