"""Where webhooks may go: never to an address of the inside, unless the operator allows it.

The name is resolved once, and the connection goes to the very address that was checked, so that a
second answer of the name server changes nothing. Redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_LENGTH = 500
# What a translator of IPv6 to IPv4 sends to the address in the last four bytes.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


class Unreachable(Exception):
    """The address can't be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: ``ip`` is where to connect, ``host`` what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str
    ip: str = ""


def read_url(text: str) -> Target:
    """The parts of a URL. Raises :class:`Unreachable` for what is not a plain http or https address."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > MAX_LENGTH:
        raise Unreachable(f"The address must be printable ASCII of at most {MAX_LENGTH} characters.")
    try:
        parts = urlsplit(text)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        raise Unreachable("The address is not a URL.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unreachable("The address must begin with https:// or http:// and name a host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Unreachable("The address may hold no user name, password or fragment.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port, path)


def resolve(target: Target) -> Target:
    """The target with an address that may be connected to. Raises :class:`Unreachable`.

    Every address that the name has must be allowed: a name that also points inside is no mistake.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(f"The name {target.host} is not known.") from None
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    for address in addresses:
        if not is_allowed(target.host, address, settings.WEBHOOK_ALLOW):
            raise Unreachable(
                f"{target.host} is an address of the inside, which the operator does not allow."
            )
    return Target(target.scheme, target.host, target.port, target.path, str(addresses[0]))


def is_allowed(host: str, address: Address, allowed: Sequence[str]) -> bool:
    """Public addresses are; others when the operator's list names the host or a network they are in."""
    plain = _unwrapped(address)
    if plain.is_global and not plain.is_multicast:
        return True
    return any(host == word or _holds(word, plain) for word in allowed)


def _unwrapped(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one is judged as what it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _holds(word: str, address: Address) -> bool:
    try:
        return address in ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
