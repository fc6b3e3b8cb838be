"""Places for processes that serve the same ports: each with sockets of its own, which stay when its process ends."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stackwire.runtime.port import PortInUse
from stackwire.runtime.siblings import Place


@dataclass(slots=True)
class Slot:
    """A place for one process, and the sockets that stay when it ends. ``leaving``: it was told to stop."""

    number: int
    sockets: Mapping[Place, socket.socket]
    pid: int = 0
    former: int = 0
    pipe: int = -1
    ready: bool = False
    leaving: bool = False
    began: float = 0.0
    pause: float = 0.0
    due: float | None = 0.0


def slots_of(name: str, count: int, places: Sequence[Place]) -> list[Slot]:
    """With sockets that are bound, and do not listen yet: nothing comes before there is somebody to answer."""
    for host, port in places:
        _bound(name, host, port, shared=False).close()  # others' that share their port are none to share it with
    return [
        Slot(number, {place: _bound(name, *place, shared=True) for place in places}) for number in range(1, count + 1)
    ]


def _bound(name: str, host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.setblocking(False)
        found.bind(address)
    except OSError as error:
        raise PortInUse(f"{name} cannot listen on {host}:{port}: {error.strerror or error}") from error
    return found
