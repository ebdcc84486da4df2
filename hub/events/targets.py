"""Where a webhook may go: an https URL whose host is one of the public network, looked at anew before every delivery.

    https://counter.example/tongban/events         host, port, path; no user, query or fragment

A county names the URL, and the hub asks it from within its own network: an address that is private or reserved
would let a county speak to the hub's neighbours. A name is resolved here, every address of it is judged, and the
connection goes to one that was judged: a name that changes between two looks (DNS rebinding) gains nothing. Where
`webhooks_private` allows it (trials on one machine), private addresses and plain http to loopback are fine.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ledger.errors import Malformed, Refused

__all__ = ["Target", "check_target", "resolved"]

MAX_URL: Final = 512
_HOST: Final = r"(?:[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
_FORM: Final = re.compile(rf"https?://{_HOST}(?:/[0-9A-Za-z._~-]*)+")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_REFUSED: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "::/96",  # IPv4-compatible, RFC 4291 section 2.5.5.1; with :: and ::1
        "64:ff9b:1::/48",  # NAT64 of a network's own, RFC 8215: where the IPv4 address stands in it is not known
        "2001::/32",  # Teredo, RFC 4380
        "fec0::/10",  # site-local, RFC 3879
    )
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: a URL with the address in place of the name, and the name for Host and TLS."""

    url: str
    host: str
    name: str


def check_target(url: str, *, private: bool) -> None:
    """Check the form of a URL. Raises Malformed bad_request."""
    try:
        fits = len(url) <= MAX_URL and _FORM.fullmatch(url) is not None and urlsplit(url).port != 0
    except ValueError:
        fits = False
    if not fits:
        raise Malformed("bad_request", "url: expected https://host[:port]/path without user, query and fragment")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (private and parts.hostname in _LOOPBACK):
        raise Malformed("bad_request", "url: expected https")


async def resolved(url: str, *, private: bool) -> Target:
    """Resolve a URL's host to one address that may be asked. Raises Refused forbidden, OSError (no such name)."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = parts.hostname or ""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or (not private and not all(map(_is_public, addresses))):
        raise Refused("forbidden", "the webhook's host has an address that is none of the public network")
    address = addresses[0]
    host = f"[{address}]" if address.version == 6 else str(address)
    return Target(url=f"{parts.scheme}://{host}:{port}{parts.path}", host=parts.netloc, name=name)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if any(address in network for network in _REFUSED):
        return False
    plain = _embedded(address) if isinstance(address, ipaddress.IPv6Address) else None
    if plain is not None:
        return _is_public(plain)
    return address.is_global and not address.is_multicast


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that a mapped, 6to4 or NAT64 address leads to."""
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address.sixtofour
