"""Where images may be fetched from: every address a client names, at every hop, is judged by these rules.

Source: ``glance/common/utils.py: get_validated_address, resolve_pinned_address`` and the ``import_filtering_opts`` of
``glance-image-import.conf``. Stricter in two things: the port is checked also where it is only implied, and every form
in which an address of this machine can hide is looked through.
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
LONGEST_URI: Final = 8192
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Where both lists of a kind are set the allowed one alone is obeyed; an empty one says nothing."""

    allowed_schemes: tuple[str, ...] = ("http", "https")
    disallowed_schemes: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    disallowed_hosts: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    disallowed_ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """One hop. ``host`` is an address or a name in lower case, ``target`` the path with its query."""

    uri: str
    scheme: str
    host: str
    port: int
    target: str


def destination(uri: str, rules: Filter) -> Destination:
    """Where the URI leads. Raises UriRefused unless the rules let it; its addresses are still to be judged."""
    if len(uri) > LONGEST_URI or not _PRINTABLE.fullmatch(uri) or "\\" in uri:
        raise UriRefused(uri=uri[:200])
    parts, port = _split(uri)
    host = _host(uri, parts.hostname or "")
    if parts.username is not None or parts.password is not None:
        raise UriRefused(uri=uri[:200])
    refused = (
        parts.scheme not in DEFAULT_PORTS
        or _is_out(parts.scheme, rules.allowed_schemes, rules.disallowed_schemes)
        or _is_out(host, rules.allowed_hosts, rules.disallowed_hosts)
        or _is_out(port, rules.allowed_ports, rules.disallowed_ports)
    )
    if refused:
        raise UriRefused(uri=uri[:200])
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(uri, parts.scheme, host, port, target)


def redirected(there: Destination, location: str, rules: Filter) -> Destination:
    """The next hop: judged as the first was."""
    try:
        if not _PRINTABLE.fullmatch(location):
            raise UriRefused(uri=there.uri[:200])
        return destination(urljoin(there.uri, location), rules)
    except (UriRefused, ValueError) as error:
        raise UriRefused(f"Redirect to disallowed URL: {masked(location[:200])}") from error


def _split(uri: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise UriRefused(uri=uri[:200]) from error
    return parts, DEFAULT_PORTS.get(parts.scheme, 0) if port is None else port


def _is_out(value: object, allowed: Sequence[object], disallowed: Sequence[object]) -> bool:
    return value not in allowed if allowed else value in disallowed


def _host(uri: str, host: str) -> str:
    """An address in its one proper spelling, or a name; a number in disguise (``0x7f.1``, ``2130706433``) is none."""
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


def reachable(there: Destination, addresses: Sequence[str], rules: Filter) -> list[str]:
    """Those of the host's addresses that may be connected to, in their order. Raises UriRefused when none may be.

    A host that is allowed by name may be anywhere.
    """
    if there.host in rules.allowed_hosts:
        kept = list(addresses)
    else:
        kept = [address for address in addresses if _is_outside(address) and not _is_named(address, there.host, rules)]
    if not kept:
        raise UriRefused(uri=there.uri[:200])
    return kept


def _is_named(address: str, host: str, rules: Filter) -> bool:
    """Whether the operator forbids the address itself; a host is judged by its name already."""
    if rules.allowed_hosts:
        return False
    here = _inner(ip_address(address))
    return any(str(here) == forbidden or address == forbidden for forbidden in rules.disallowed_hosts)


def _is_outside(address: str) -> bool:
    """Not this machine, not what only it can reach. Private networks are outside: private clouds keep images there."""
    found = _inner(ip_address(address))
    inside = found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast
    if isinstance(found, IPv4Address):
        inside = inside or found in _THIS_NETWORK or found.is_reserved
    return not inside


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address an IPv6 one stands for, where it does."""
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
