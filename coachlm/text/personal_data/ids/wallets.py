"""Addresses of crypto currencies, by their checksums where they have one."""

import re
from collections.abc import Iterator
from hashlib import sha256

from coachlm.text.personal_data.forms.kinds import Finding, Kind

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58 = re.compile(r"(?<![\w/+=-])[13LMDT2mnr][1-9A-HJ-NP-Za-km-z]{24,34}(?![\w/+=-])")  # Bitcoin, Litecoin, Tron, …
_BECH32 = re.compile(r"(?<!\w)(?:bc1|tb1|ltc1)[02-9ac-hj-np-z]{11,87}(?!\w)", re.IGNORECASE)
_HEX = re.compile(r"(?<!\w)0x[0-9a-fA-F]{40}(?!\w)")  # Ethereum and its kin
_MONERO = re.compile(r"(?<!\w)[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?!\w)")
_CARDANO = re.compile(r"(?<!\w)addr1[02-9ac-hj-np-z]{50,100}(?!\w)")
_VARIED = 8
_RIPPLE = str.maketrans("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz", _ALPHABET)
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CHECKS = (1, 0x2BC830A3)  # BIP 173 and BIP 350


def find_wallets(text: str) -> Iterator[Finding]:
    for match in _BASE58.finditer(text):
        written = match[0]
        if _base58_holds(written) or (written[0] == "r" and _base58_holds(written.translate(_RIPPLE))):
            yield Finding(*match.span(), Kind.CRYPTO_ADDRESS, written)
    for match in _BECH32.finditer(text):
        if _bech32_holds(match[0].lower()):
            yield Finding(*match.span(), Kind.CRYPTO_ADDRESS, match[0].lower())
    for pattern in (_HEX, _MONERO, _CARDANO):
        for match in pattern.finditer(text):
            if len(set(match[0].lower())) >= _VARIED:
                yield Finding(*match.span(), Kind.CRYPTO_ADDRESS, match[0].lower())


def _base58_holds(written: str) -> bool:
    """Source: Bitcoin's Base58Check: one byte of version, twenty of hash, four of checksum."""
    number = 0
    for character in written:
        number = number * 58 + _ALPHABET.index(character)
    if number >= 1 << 200:
        return False
    raw = number.to_bytes(25, "big")
    return sha256(sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def _bech32_holds(written: str) -> bool:
    prefix, _, data = written.partition("1")
    values = [*(ord(character) >> 5 for character in prefix), 0, *(ord(character) & 31 for character in prefix)]
    check = 1
    for value in [*values, *map(_BECH32_ALPHABET.index, data)]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            check ^= generator if (top >> place) & 1 else 0
    return check in _BECH32_CHECKS
