"""Which finders a text needs: one cheap look for each, so that texts without candidates cost next to nothing."""

import re
from collections.abc import Callable, Iterator, Sequence

from coachlm.text.personal_data.forms.accounts import find_cards, find_ibans
from coachlm.text.personal_data.forms.addresses import (
    SPELLED_MARKS,
    find_emails,
    find_ip_addresses,
    find_spelled_emails,
)
from coachlm.text.personal_data.forms.credentials import (
    NAMING_WORDS,
    SESSION_MARKS,
    VENDOR_MARKS,
    find_named_secrets,
    find_private_keys,
    find_sessions,
    find_url_passwords,
    find_vendor_tokens,
)
from coachlm.text.personal_data.forms.kinds import Finding
from coachlm.text.personal_data.forms.phones import PhoneFinder
from coachlm.text.personal_data.forms.words import folded
from coachlm.text.personal_data.ids import id_finders

Finder = Callable[[str], Iterator[Finding]]

_DIGIT = re.compile("[0-9]")
_SEVEN_DIGITS = re.compile(r"[0-9](?:[ ().\-/]{0,3}[0-9]){6}")  # every card and phone number has them in a row
_IBAN_START = re.compile(r"[0-9]{2}(?<=[A-Za-z]{2}[0-9]{2})[ -]?[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{4}")
_IPV4_START = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
_IPV6_START = re.compile(r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:")
_TOKEN_CHARACTERS = 16  # every vendor's token has so many without a space


class Scanner:
    """Chooses finders by what a text holds."""

    def __init__(self, phone_regions: Sequence[str], with_ids: bool = False) -> None:
        self._phones = PhoneFinder(phone_regions)
        self._with_ids = with_ids

    def finders_for(self, text: str) -> list[Finder]:
        """All finders that can find anything in the plain form of a text, or of parts of it."""
        lower = folded(text)
        finders: list[Finder] = []
        has_at = "@" in text or "%40" in text
        if has_at:
            finders.append(find_emails)
            if "://" in text:
                finders.append(find_url_passwords)
        has_brackets = "]" in text or ")" in text or "}" in text
        if any(map(lower.__contains__, SPELLED_MARKS if has_brackets else SPELLED_MARKS[:1])):
            finders.append(find_spelled_emails)
        if "PRIVATE KEY" in text:
            finders.append(find_private_keys)
        if max(map(len, text.split()), default=0) >= _TOKEN_CHARACTERS:
            if any(map(text.__contains__, VENDOR_MARKS)):
                finders.append(find_vendor_tokens)
            if "=" in text and any(map(lower.__contains__, SESSION_MARKS)):
                finders.append(find_sessions)
        if _DIGIT.search(text):
            finders += self._finders_with_digits(text, lower)
        if self._with_ids:
            finders += id_finders(text, lower)
        return finders

    def _finders_with_digits(self, text: str, lower: str) -> Iterator[Finder]:
        if any(map(lower.__contains__, NAMING_WORDS)):
            yield find_named_secrets
        if _SEVEN_DIGITS.search(text):
            yield from (find_cards, self._phones.find)
        if _IBAN_START.search(text):
            yield find_ibans
        if _IPV4_START.search(text) or (":" in text and _IPV6_START.search(text)):
            yield find_ip_addresses
