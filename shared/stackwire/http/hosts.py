"""By which names a server may be called: a page elsewhere, whose name is led here (DNS rebinding), uses another one."""

import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.middlewares import Handler
from stackwire.http.probes import is_probe


def is_own_host(header: str, names: Collection[str]) -> bool:
    """Whether a Host header names an address, this machine, or one of ``names`` (lower case)."""
    name = header.rpartition("]")[0].removeprefix("[") if header.startswith("[") else header.partition(":")[0]
    if name.lower() in names or name.lower() in ("localhost", socket.gethostname().lower()):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def own_hosts(names: Collection[str]) -> Any:
    """A middleware: 400 for a Host that is none of ours. Probes are answered whoever asks, and so is a name without a
    dot, which is of a local network: no stranger's name can be one."""
    known = frozenset(name.lower() for name in names if name)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "." in request.host and not is_probe(request.path) and not is_own_host(request.host, known):
            raise BadRequest("The Host header names no address of this machine.")
        return await handler(request)

    return check
