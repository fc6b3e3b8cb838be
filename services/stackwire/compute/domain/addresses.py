"""The one network servers are on, and the addresses they have there.

There is no network service: the network is a range of addresses under a label, and every server that does not ask for
``none`` gets one of them (``nova/network/model.py: VIF, FixedIP``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

LABEL = "private"
VENDOR = (0xFA, 0x16, 0x3E)  # neutron/conf/common.py: base_mac
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedIp:
    """A server's address (``fixed_ips``). ``uuid`` is the id of the interface that carries it."""

    uuid: str
    label: str
    address: str
    mac: str

    @property
    def version(self) -> int:
        return 4

    @property
    def device(self) -> str:
        """The interface's name on the host: ``tap`` and what fits of the id into the 14 characters Linux allows."""
        return f"tap{self.uuid[:11]}"


@dataclass(frozen=True, slots=True)
class Network:
    """``first`` to ``last`` are given to servers: not the network's own address, the gateway's, or the broadcast's."""

    label: str
    first: IPv4Address
    last: IPv4Address

    @property
    def size(self) -> int:
        return int(self.last) - int(self.first) + 1


def network(fixed_range: IPv4Network, label: str = LABEL) -> Network:
    """ValueError for a range too small to hold a gateway and a server."""
    if fixed_range.prefixlen > 30:
        raise ValueError("the range needs room for a gateway and a server: /30 or larger")
    return Network(label, fixed_range.network_address + 2, fixed_range.broadcast_address - 1)


def new_mac(draw: Callable[[int], int]) -> str:
    """``fa:16:3e`` and three octets drawn; ``draw(n)`` answers a number below n."""
    return ":".join(f"{octet:02x}" for octet in (*VENDOR, draw(256), draw(256), draw(256)))


def by_label(addresses: Sequence[FixedIp]) -> dict[str, list[FixedIp]]:
    """A server's addresses by network, as ``addresses`` in the API."""
    found: dict[str, list[FixedIp]] = {}
    for each in addresses:
        found.setdefault(each.label, []).append(each)
    return found


def access(given: str | None, addresses: Sequence[FixedIp], label: str) -> str | None:
    """Where the server is reached: what its owner said, else its address on the network of that label.

    ``nova/compute/manager.py: _set_access_ip_values``.
    """
    return given or next((each.address for each in addresses if each.label == label), None)


def requested(request_spec: Mapping[str, Any]) -> bool:
    """Whether the server asked for an address; one that was made before servers had any did not."""
    return bool(request_spec.get("networks", NONE) != NONE)
