"""Where images may be fetched from: every URI a client names, and every redirect, passes these rules.

Source: ``glance/common/utils.py: get_validated_address, resolve_pinned_address`` and the ``import_filtering_opts`` of
``glance-image-import.conf``. Stricter in two things: the port is checked also where it is only implied, and
addresses of this machine are found in every notation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from stackwire.core.secrets import masked
from stackwire.image.domain.errors import UriRefused

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_URI_LENGTH: Final = 8192
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class UriFilter:
    """Where both lists of a kind are set only the allowed one applies; an empty list has no effect."""

    allowed_schemes: tuple[str, ...] = ("http", "https")
    disallowed_schemes: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    disallowed_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    disallowed_ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """One URI to connect to. ``host``: an address or a name in lower case; ``target``: the path with its query."""

    uri: str
    scheme: str
    host: str
    port: int
    target: str


def destination(uri: str, rules: UriFilter) -> Destination:
    """The URI, if the rules allow it; its addresses are checked by ``reachable``. Errors: UriRefused."""
    if len(uri) > MAX_URI_LENGTH or not _PRINTABLE.fullmatch(uri) or "\\" in uri:
        raise UriRefused(uri=uri[:200])
    parts, port = _split(uri)
    host = _host(uri, parts.hostname or "")
    if parts.username is not None or parts.password is not None:
        raise UriRefused(uri=uri[:200])
    if not _is_allowed(parts.scheme, host, port, rules):
        raise UriRefused(uri=uri[:200])
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(uri, parts.scheme, host, port, target)


def redirected(origin: Destination, location: str, rules: UriFilter) -> Destination:
    """The target of a redirect, which passes the same rules."""
    try:
        if not _PRINTABLE.fullmatch(location):
            raise UriRefused(uri=origin.uri[:200])
        return destination(urljoin(origin.uri, location), rules)
    except (UriRefused, ValueError) as error:
        raise UriRefused(f"Redirect to disallowed URL: {masked(location[:200])}") from error


def _split(uri: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise UriRefused(uri=uri[:200]) from error
    return parts, DEFAULT_PORTS.get(parts.scheme, 0) if port is None else port


def _is_allowed(scheme: str, host: str, port: int, rules: UriFilter) -> bool:
    return (
        scheme in DEFAULT_PORTS
        and _passes(scheme, rules.allowed_schemes, rules.disallowed_schemes)
        and _passes(host, rules.allowed_hosts, rules.disallowed_hosts)
        and _passes(port, rules.allowed_ports, rules.disallowed_ports)
    )


def _passes(value: object, allowed: Sequence[object], disallowed: Sequence[object]) -> bool:
    return value in allowed if allowed else value not in disallowed


def _host(uri: str, host: str) -> str:
    """An address in its canonical notation, or a name; other numbers (``0x7f.1``, ``2130706433``) are refused."""
    host = host.removesuffix(".")
    try:
        if "%" not in host:
            return str(ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if len(host) > 253 or _NUMBER.fullmatch(labels[-1]) or not all(_LABEL.fullmatch(label) for label in labels):
        raise UriRefused(uri=uri[:200])
    return host


def reachable(origin: Destination, addresses: Sequence[str], rules: UriFilter) -> list[str]:
    """The host's addresses that may be connected to, in their order. UriRefused when there is none.

    A host that is allowed by name may have any address.
    """
    if origin.host in rules.allowed_hosts:
        kept = list(addresses)
    else:
        kept = [
            address
            for address in addresses
            if _is_external(address) and not _is_disallowed(address, origin.host, rules)
        ]
    if not kept:
        raise UriRefused(uri=origin.uri[:200])
    return kept


def _is_disallowed(address: str, host: str, rules: UriFilter) -> bool:
    """Whether the operator forbids the address itself; the host's name was checked before."""
    if rules.allowed_hosts:
        return False
    embedded = _embedded(ip_address(address))
    return any(str(embedded) == forbidden or address == forbidden for forbidden in rules.disallowed_hosts)


def _is_external(address: str) -> bool:
    """Not this machine, nor what only it can reach. Private networks are allowed: private clouds keep images there."""
    found = _embedded(ip_address(address))
    inside = found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast
    if isinstance(found, IPv4Address):
        inside = inside or found in _THIS_NETWORK or found.is_reserved
    return not inside


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one embeds, if any."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
