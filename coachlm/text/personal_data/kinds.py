"""What is searched for, and a place where it was found."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of personal data; its value stands in the placeholder (`<EMAIL_1>`). Where two finds overlap, the kind
    that is listed first wins."""

    SECRET = "SECRET"  # noqa: S105 (passwords, API keys, tokens, private keys)
    EMAIL = "EMAIL"
    IBAN = "IBAN"
    CREDIT_CARD = "CREDIT_CARD"
    IP_ADDRESS = "IP_ADDRESS"
    PHONE = "PHONE"


@dataclass(frozen=True, slots=True)
class Finding:
    """A value in a text: `text[start:end]`."""

    start: int
    end: int
    kind: Kind
    value: str  # normalised: two spellings of one value are equal
