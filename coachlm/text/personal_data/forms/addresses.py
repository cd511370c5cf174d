"""E-mail and IP addresses."""

import ipaddress
import re
from collections.abc import Iterator

from coachlm.text.personal_data.forms.kinds import Finding, Kind

LOCAL_CHARACTERS = 64
"""Longest part before the `@`. Source: RFC 5321 §4.5.3.1.1."""

_AT = re.compile(r"(?<=[\w+-])(?:@|%40)(?=\w)")
# Latin, Greek and Cyrillic letters: in Chinese, Japanese or Thai an address stands between words without a space.
_LETTERS = "A-Za-z0-9\u00c0-\u052f"
_LOCAL_REVERSED = re.compile(rf"[{_LETTERS}_+-][{_LETTERS}_.+'-]*")
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{1,8}}")
_DOMAIN_OF_ANY_SCRIPT = re.compile(r"\w[\w-]{0,62}(?:\.\w[\w-]{0,62}){1,8}")
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59}", re.IGNORECASE)
_FILE_SUFFIXES = frozenset(("png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "jsx", "tsx", "json"))
_PASSWORD_BEFORE = re.compile(r"://[^\s/@:]*:[^\s/@]*\Z")

SPELLED_MARKS = (" dot ", "at]", "at)", "at}", "at ]", "at )", "at }")
"""One of these, in lower case, stands in every address that is spelled out."""

_DOT = r"(?: ?[\[({] ?(?:dot|\.) ?[\])}] ?| dot |\.)"
_SPELLED = re.compile(
    r"(?<![A-Za-z0-9_.+-])(?P<local>[A-Za-z0-9_.+-]{1,64}+) ?[\[({] ?(?:at|@) ?[\])}] ?"
    rf"(?P<domain>{_LABEL}(?:{_DOT}{_LABEL}){{1,4}})"
    r"|(?<![A-Za-z0-9_.+-])(?P<local_>[A-Za-z0-9_.+-]{1,64}+) at "
    r"(?P<domain_>[A-Za-z0-9-]{1,63}+(?: dot [A-Za-z0-9-]{2,63}){0,2} dot (?:com|net|org|edu|gov|info|io|de|uk|fr))\b",
    re.IGNORECASE,
)
_ANY_DOT = re.compile(_DOT, re.IGNORECASE)

_IPV4 = re.compile(r"(?<![\w.])(?<![A-Za-z][-/])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9]|[-.][A-Za-z])")
# Every public IPv6 address is in 2000::/3; scopes in code (`a::b`) and times aren't. Source: RFC 4291 §2.4, IANA.
_IPV6 = re.compile(
    r"(?<![\w:.])[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}(?:[0-9A-Fa-f]{1,4}(?:(?:\.[0-9]{1,3}){3})?)?(?!\w)"
)
_WORD = re.compile(r"\w+")
_VERSION_WORDS = {
    "version",
    "versions",
    "ver",
    "v",
    "release",
    "build",
    "firmware",
    "revision",
    "rev",
    "section",
    "chapter",
}
_COMPARISONS = ("==", "~=", "^=", "<=", ">=", "!=")
_NETWORK_WORDS = {
    "ip",
    "ips",
    "ipv4",
    "address",
    "host",
    "server",
    "dns",
    "ping",
    "gateway",
    "nameserver",
    "resolver",
    "ssh",
    "curl",
}
_PORT_OR_MASK = re.compile(r":[0-9]{2}|/[0-9]")
_OUTLINE_OCTET = 32
_NOT_PUBLIC = tuple(
    ipaddress.IPv4Network(network)
    for network in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)


_RESOLVERS = frozenset(
    (
        *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222", "208.67.220.220"),
        *(
            "2001:4860:4860::8888",
            "2001:4860:4860::8844",
            "2606:4700:4700::1111",
            "2606:4700:4700::1001",
            "2620:fe::fe",
        ),
    )
)
"""Public name servers, which everybody may use and which are nobody's address."""


def find_emails(text: str) -> Iterator[Finding]:
    """Addresses as they are written, or percent-encoded as in URLs."""
    for at in _AT.finditer(text):
        # Matched backwards from the `@` within a bounded window, so that no text takes more than linear time.
        before = text[max(0, at.start() - LOCAL_CHARACTERS) : at.start()]
        local = _LOCAL_REVERSED.match(before[::-1])
        domain = _domain_at(text, at.end())
        if local is None or domain is None:
            continue
        name = local[0][::-1].lstrip(".'-")
        start = at.start() - len(name)
        if name and name != "git" and not _PASSWORD_BEFORE.search(text, max(0, start - 100), start):
            yield Finding(start, at.end() + len(domain), Kind.EMAIL, f"{name}@{domain}".casefold())


def find_spelled_emails(text: str) -> Iterator[Finding]:
    """`name [at] host [dot] org`, `name at host dot org`."""
    for match in _SPELLED.finditer(text):
        domain = _ANY_DOT.sub(".", match["domain"] or match["domain_"])
        if _TOP_LEVEL.fullmatch(domain.rpartition(".")[2]):
            address = f"{match['local'] or match['local_']}@{domain}"
            yield Finding(*match.span(), Kind.EMAIL, address.casefold())


def _domain_at(text: str, start: int) -> str | None:
    match = _DOMAIN.match(text, start) or _DOMAIN_OF_ANY_SCRIPT.match(text, start)
    if match is None:
        return None
    labels = match[0].split(".")
    while len(labels) > 1 and not _TOP_LEVEL.fullmatch(labels[-1]):
        labels.pop()
    return ".".join(labels) if len(labels) > 1 and labels[-1].lower() not in _FILE_SUFFIXES else None


def find_ip_addresses(text: str) -> Iterator[Finding]:
    """Public addresses, those reserved for documentation included; not versions, netmasks, loopback and private ones.

    Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
    """
    for match in _IPV4.finditer(text):
        if _is_numbering(text, match):
            continue
        address = _parsed(match[0])
        if address is not None and _is_public(address):
            yield Finding(*match.span(), Kind.IP_ADDRESS, address.compressed)
    for match in _IPV6.finditer(text):
        written = match[0] if match[0].endswith("::") else match[0].removesuffix(":")
        address = _parsed(written)
        if address is not None and address.compressed not in _RESOLVERS:
            yield Finding(match.start(), match.start() + len(written), Kind.IP_ADDRESS, address.compressed)


def _parsed(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(written)
    except ValueError:
        return None


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.compressed in _RESOLVERS:
        return False
    special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_reserved
    return not special and not any(address in network for network in _NOT_PUBLIC)


def _is_numbering(text: str, match: re.Match[str]) -> bool:
    """A version or the number of a section: said so before it, or small numbers with no word of networks near."""
    before = text[max(0, match.start() - 40) : match.start()].lower()
    words = _WORD.findall(before)
    lead = before.rstrip(" \t\n\"'.:=")
    if before.rstrip().endswith(_COMPARISONS) or (words and words[-1] in _VERSION_WORDS and lead.endswith(words[-1])):
        return True
    if any(int(octet) >= _OUTLINE_OCTET for octet in match[0].split(".")):
        return False
    is_in_url = before.endswith("://") or _PORT_OR_MASK.match(text, match.end())
    return not is_in_url and _NETWORK_WORDS.isdisjoint(words)
