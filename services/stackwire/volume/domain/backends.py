"""The simulated back ends: what each offers, as the scheduler and the API compare and show it.

A file (``deploy/backends.toml``) has a table for each; without a file there is one, ``files``, without end.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from stackwire.contracts.volume_workers import BACKEND, HOST
from stackwire.object_store.place import CephPlace

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Gigabytes = Annotated[float, Field(ge=0)] | Literal["infinite"]


class _Offer(BaseModel):
    """Of a back end, or of one of its pools, which has what it does not say from its back end.

    ``capabilities``: any others, for extra specs to ask for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    total_capacity_gb: Gigabytes = "infinite"
    reserved_percentage: int = Field(default=0, ge=0, le=100)
    max_over_subscription_ratio: float = Field(default=20.0, ge=1)
    thin_provisioning_support: bool = True
    thick_provisioning_support: bool = False
    multiattach: bool = True
    online_extend_support: bool = True
    capabilities: Mapping[Name, str | bool | int | float] = {}

    def offered(self) -> dict[str, Any]:
        """What the file says of it, under the names of capabilities."""
        named: dict[str, Any] = self.model_dump(exclude_unset=True, exclude={"capabilities"})
        if "max_over_subscription_ratio" in named:
            named["max_over_subscription_ratio"] = str(named["max_over_subscription_ratio"])
        return {**self.capabilities, **named}


class _Backend(_Offer):
    """``driver``: files in a folder, or a pool of Ceph, under the names of Cinder's RBD driver."""

    driver: Literal["files", "rbd"] = "files"
    rbd_pool: Name = "rbd"
    rbd_user: str = ""
    rbd_ceph_conf: str = ""
    rados_connect_timeout: int = Field(default=10, ge=1, le=3600)
    volume_backend_name: Name | None = None
    availability_zone: Name | None = None
    image_volume_cache_enabled: bool = False
    image_volume_cache_max_size_gb: int = Field(default=0, ge=0)
    image_volume_cache_max_count: int = Field(default=0, ge=0)
    pools: Mapping[Name, _Offer] = {}


_OF_THE_DRIVER = ("driver", "rbd_pool", "rbd_user", "rbd_ceph_conf", "rados_connect_timeout")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    backends: Mapping[Name, _Backend] = Field(min_length=1)


_NOT_OFFERED = (
    "pools", "availability_zone", "volume_backend_name", "image_volume_cache_enabled", "image_volume_cache_max_size_gb",
    "image_volume_cache_max_count",
)  # fmt: skip
_OFFERED_BY_ALL: Mapping[str, Any] = {
    "vendor_name": "Stackwire",
    "driver_version": "1.0.0",
    "storage_protocol": "local",
    "total_capacity_gb": "infinite",
    "free_capacity_gb": "infinite",
    "reserved_percentage": 0,
    "max_over_subscription_ratio": "20.0",
    "thin_provisioning_support": True,
    "thick_provisioning_support": False,
    "QoS_support": False,
    "multiattach": True,
    "online_extend_support": True,
    "filter_function": None,
    "goodness_function": None,
}


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Of the image-volume cache of a back end: GiB and entries on each of its hosts; 0: no limit."""

    max_size_gb: int = 0
    max_count: int = 0


@dataclass(frozen=True, slots=True)
class Backend:
    """``pools``: capabilities by the pool's name, as they are without any volume. ``image_volume_cache``: None where it
    is not enabled. ``ceph``: where it is, if it is in a Ceph."""

    name: str
    zone: str
    pools: Mapping[str, Mapping[str, Any]]
    image_volume_cache: CacheLimits | None = None
    ceph: CephPlace | None = None

    @property
    def host(self) -> str:
        """``host@backend``."""
        return f"{HOST}@{self.name}"

    @property
    def folder(self) -> str:
        """Where its files lie, under the data folder."""
        return "volumes" if self.host == BACKEND else f"volumes-{self.name}"

    def pool_hosts(self) -> dict[str, Mapping[str, Any]]:
        """``host@backend#pool`` of each pool, with its capabilities."""
        return {f"{self.host}#{name}": offered for name, offered in self.pools.items()}


class Backends:
    """Every back end, in the file's order."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._by_name = backends

    @classmethod
    def read(cls, text: str | None, zone: str) -> "Backends":
        """``text``: the file's, None for the one back end; ``zone``: of those that name none. ValueError."""
        try:
            file = _File.model_validate(
                {"backends": {BACKEND.partition("@")[2]: {}}} if text is None else tomllib.loads(text)
            )
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise ValueError(f"the file of back ends cannot be used: {error}") from error
        return cls({name: _backend(name, found, zone) for name, found in file.backends.items()})

    def __iter__(self) -> Any:
        return iter(self._by_name.values())

    @property
    def zones(self) -> list[str]:
        """The availability zones that back ends are in."""
        return list(dict.fromkeys(backend.zone for backend in self))

    def pools(self) -> dict[str, Mapping[str, Any]]:
        """``host@backend#pool`` of every pool, with its capabilities."""
        return {host: offered for backend in self for host, offered in backend.pool_hosts().items()}

    def at(self, host: str | None) -> Backend | None:
        """The back end of a volume's or service's ``host``, with or without a pool; None when there is none."""
        name = (host or "").partition("@")[2].partition("#")[0]
        found = self._by_name.get(name)
        return found if found is not None and found.host == (host or "").partition("#")[0] else None

    def of(self, host: str | None) -> Backend:
        """The same, the first one where the host is none of theirs: it has nothing of the volume."""
        return self.at(host) or next(iter(self))


def _backend(name: str, found: _Backend, zone: str) -> Backend:
    own = found.offered()
    for key in (*_NOT_OFFERED, *_OF_THE_DRIVER):
        own.pop(key, None)
    if found.driver == "rbd":
        own = {"storage_protocol": "ceph", **own}
    own["volume_backend_name"] = found.volume_backend_name or name
    pools = {
        pool: {**_OFFERED_BY_ALL, **own, **offer.offered(), "pool_name": pool} for pool, offer in found.pools.items()
    }
    limits = CacheLimits(found.image_volume_cache_max_size_gb, found.image_volume_cache_max_count)
    ceph = CephPlace(found.rbd_pool, found.rbd_ceph_conf, found.rbd_user, found.rados_connect_timeout)
    return Backend(
        name,
        found.availability_zone or zone,
        pools or {name: {**_OFFERED_BY_ALL, **own}},
        limits if found.image_volume_cache_enabled else None,
        ceph if found.driver == "rbd" else None,
    )
