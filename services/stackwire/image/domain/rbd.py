"""Where an RBD store is, and how its images are called: glance_store's settings, and their consequences."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, field_validator

MIB = 1024**2
SNAPSHOT = "snap"
"""The protected snapshot that makes an RBD image an image of the service, and from which volumes are cloned."""

_OWN_IMAGE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{16}")


class RbdOptions(BaseModel):
    """Under glance_store's names and with its defaults, but for a connection that is not waited for without end.

    ``rbd_store_chunk_size`` (MiB): of RADOS objects, a power of two. ``rbd_thin_provisioning``: zeroes are not written.
    ``rados_connect_timeout``: seconds for each operation on the cluster. Source: ``glance_store/_drivers/rbd.py``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    rbd_store_pool: str = "images"
    rbd_store_user: str = ""
    rbd_store_ceph_conf: str = ""
    rbd_store_chunk_size: int = Field(default=8, ge=1, le=32)
    rbd_thin_provisioning: bool = False
    rados_connect_timeout: int = Field(default=10, ge=1, le=3600)

    @field_validator("rbd_store_chunk_size")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("is not a power of two")
        return value


@dataclass(frozen=True, slots=True)
class RbdPlace:
    """``chunk`` in bytes; ``conf`` and ``user`` "" leave the choice to librados."""

    pool: str
    user: str = ""
    conf: str = ""
    chunk: int = 8 * MIB
    thin: bool = False
    timeout: int = 10

    @property
    def same(self) -> tuple[str, str]:
        """Two stores that have this in common would remove each other's objects as orphans."""
        return self.conf, self.pool


def place(store: str, options: RbdOptions) -> RbdPlace:
    """Raises ValueError."""
    if not options.rbd_store_pool or "/" in options.rbd_store_pool:
        raise ValueError(f"rbd_store_pool of the store '{store}' is not the name of a pool")
    return RbdPlace(
        options.rbd_store_pool,
        options.rbd_store_user,
        options.rbd_store_ceph_conf,
        options.rbd_store_chunk_size * MIB,
        options.rbd_thin_provisioning,
        options.rados_connect_timeout,
    )


@dataclass(frozen=True, slots=True)
class RbdImage:
    """What a location names. None: of the store itself."""

    image: str
    fsid: str | None = None
    pool: str | None = None
    snapshot: str | None = None


def uri(fsid: str, pool: str, image: str) -> str:
    """Source: ``StoreLocation.get_uri``."""
    return "rbd://" + "/".join(quote(part, "") for part in (fsid, pool, image, SNAPSHOT))


def image_at(url: str) -> RbdImage | None:
    """One part or four, none of them empty. Source: ``StoreLocation.parse_uri``."""
    scheme, _, rest = url.partition("://")
    parts = rest.split("/")
    if scheme != "rbd" or len(parts) not in (1, 4) or "" in parts or "?" in rest or "#" in rest:
        return None
    if len(parts) == 1:
        return RbdImage(unquote(parts[0]))
    fsid, pool, image, snapshot = map(unquote, parts)
    return RbdImage(image, fsid, pool, snapshot)


def is_own_image(name: str) -> bool:
    """Whether an RBD image has a name of this service: others in the pool are not removed."""
    return _OWN_IMAGE.fullmatch(name) is not None
