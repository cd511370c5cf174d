"""From which address a request came: the peer's, or what a proxy that we trust says of its own peer."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Request

from coachlm.errors import SettingsError

_Address = IPv4Address | IPv6Address
_FORWARDING = ("x-forwarded-for", "forwarded", "x-real-ip")
_IPV6_PREFIX = 64  # what one customer has: its addresses count as one


@dataclass(frozen=True, slots=True)
class Callers:
    """Reads `X-Forwarded-For` from the right, as far as the proxies named there are trusted. What stands further left
    is the caller's own word and counts for nothing."""

    trusted: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def trusting(cls, proxies: Iterable[str]) -> "Callers":
        """`proxies`: addresses and networks (CIDR). Raises: SettingsError."""
        found = []
        for proxy in proxies:
            try:
                found.append(ip_network(proxy, strict=False))
            except ValueError as error:
                said = f"COACHLM_TRUSTED_PROXIES: {proxy!r} is no address or network, as 10.0.0.5 or 10.0.0.0/24"
                raise SettingsError(said) from error
        return cls(tuple(found))

    def address(self, request: Request) -> str:
        """Whose failures count together: an IPv4 address, or the /64 of an IPv6 address."""
        peer = _peer(request)
        chain = [peer, *reversed(",".join(request.headers.getlist("x-forwarded-for")).split(","))]
        caller = peer
        for hop in chain:
            found = _parsed(hop)
            if found is None:
                break
            caller = hop.strip()
            if not self._trusts(found):
                break
        return _shared(caller)

    def is_local(self, request: Request) -> bool:
        """Whether a program of this machine asks for itself; what a proxy passes on comes from elsewhere."""
        peer = _parsed(_peer(request))
        return peer is not None and peer.is_loopback and not any(name in request.headers for name in _FORWARDING)

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self.trusted)


def _peer(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _parsed(text: str) -> _Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _shared(address: str) -> str:
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return address if found is None else str(found)
