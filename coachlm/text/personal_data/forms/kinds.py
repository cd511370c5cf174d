"""What is searched for, and a place where it was found."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A kind of personal data; its value stands in the placeholder (`<EMAIL_1>`). Where two finds overlap, the kind
    that is listed first wins."""

    SECRET = "SECRET"  # noqa: S105 (passwords, API keys, tokens, private keys)
    EMAIL = "EMAIL"
    IBAN = "IBAN"
    IMEI = "IMEI"
    CREDIT_CARD = "CREDIT_CARD"
    CRYPTO_ADDRESS = "CRYPTO_ADDRESS"
    MAC_ADDRESS = "MAC_ADDRESS"
    IP_ADDRESS = "IP_ADDRESS"
    VIN = "VIN"
    PASSPORT = "PASSPORT"
    DRIVER_LICENSE = "DRIVER_LICENSE"
    NATIONAL_ID = "NATIONAL_ID"
    BANK_ACCOUNT = "BANK_ACCOUNT"
    BIRTH_DATE = "BIRTH_DATE"
    COORDINATES = "COORDINATES"
    LICENSE_PLATE = "LICENSE_PLATE"
    PHONE = "PHONE"
    USER_HANDLE = "USER_HANDLE"
    ADDRESS = "ADDRESS"
    ORGANISATION = "ORGANISATION"
    PERSON = "PERSON"


@dataclass(frozen=True, slots=True)
class Finding:
    """A value in a text: `text[start:end]`."""

    start: int
    end: int
    kind: Kind
    value: str  # normalised: two spellings of one value are equal
