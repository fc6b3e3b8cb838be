"""Consoles of servers: the kinds there are, where a host offers them, and the address that a client is given.

``nova/compute/manager.py: get_vnc_console``, ``nova/objects/console_auth_token.py``. Addresses are Nova's defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from urllib.parse import urlencode

from stackwire.compute.domain.errors import ConsoleTypeInvalid, ConsoleTypeUnavailable

Protocol = Literal["vnc", "spice", "serial", "mks"]
TYPES: Mapping[Protocol, Mapping[str, str]] = {
    "vnc": {"novnc": "http://127.0.0.1:6080/vnc_auto.html"},
    "spice": {"spice-html5": "http://127.0.0.1:6082/spice_auto.html", "spice-direct": "http://127.0.0.1:13002/nova"},
    "serial": {"serial": "ws://127.0.0.1:6083/"},
    "mks": {"webmks": "http://127.0.0.1:6090/"},
}
"""The types of each protocol, with the proxies' addresses."""
_FIRST_PORT: Mapping[Protocol, int] = {"vnc": 5900, "spice": 5900, "serial": 10000, "mks": 902}
_PORTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """``expires``: seconds since 1970; ``tls_port``: of spice alone."""

    console_type: str
    host: str
    port: int
    tls_port: int | None
    internal_access_path: str | None
    instance_uuid: str
    access_url_base: str
    expires: int


def console(
    protocol: Protocol, console_type: str, instance_id: int, instance_uuid: str, host: str, expires: int
) -> Console:
    """The console that a host has for the server. ConsoleTypeInvalid: a type of another protocol."""
    base = TYPES[protocol].get(console_type)
    if base is None and protocol == "serial":  # the one that Nova does not look at
        base = TYPES[protocol]["serial"]
    if base is None:
        raise ConsoleTypeInvalid(console_type=console_type)
    port = _FIRST_PORT[protocol] + instance_id % _PORTS
    return Console(
        console_type=console_type,
        host=host,
        port=port,
        tls_port=port + _PORTS if protocol == "spice" else None,
        internal_access_path=None,
        instance_uuid=instance_uuid,
        access_url_base=base,
        expires=expires,
    )


def require_enabled(protocol: Protocol, console_type: str, enabled: tuple[str, ...]) -> None:
    """ConsoleTypeUnavailable."""
    if protocol not in enabled:
        raise ConsoleTypeUnavailable(console_type=console_type)


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def access_url(console: Console, token: str) -> str:
    """noVNC has the token in the path that it opens at the proxy."""
    if console.console_type == "novnc":
        return f"{console.access_url_base}?{urlencode({'path': f'?token={token}'})}"
    return f"{console.access_url_base}?token={token}"
