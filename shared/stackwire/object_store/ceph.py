"""The calls on one pool of a Ceph cluster, through Ceph's own binding. Nothing here knows what the images are."""

import errno
import importlib
import importlib.util
import json
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

from stackwire.object_store.place import CephPlace

PACKAGES = Path("/usr/lib/python3/dist-packages")
"""Where Ceph's packages put the binding, which a virtual environment does not see. It is on no index of packages."""


def _library(name: str) -> ModuleType:
    """The module, from wherever this Python can load it. Raises ImportError."""
    try:
        return importlib.import_module(name)
    except ImportError:
        path = PACKAGES / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


rados: Any = _library("rados")
rbd: Any = _library("rbd")


class CephError(OSError):
    """An error of the cluster, or of its absence. ``errno`` is what Ceph says."""

    @property
    def is_missing(self) -> bool:
        return self.errno == errno.ENOENT

    @property
    def is_busy(self) -> bool:
        """Whether clones, snapshots or clients are in the way."""
        return self.errno in (errno.EBUSY, errno.ENOTEMPTY)

    @property
    def is_full(self) -> bool:
        return self.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def translated_errors() -> Iterator[None]:
    """The binding's errors as CephError."""
    try:
        yield
    except (rados.Error, rbd.Error) as error:
        code = abs(int(getattr(error, "errno", None) or errno.EIO))
        raise CephError(code, f"{type(error).__name__}: {error}") from None


class Pool:
    """Every method blocks, may be called in any thread, and raises CephError. Connected to when it is needed."""

    def __init__(self, place: CephPlace) -> None:
        self._place = place
        self._lock = Lock()
        self._connected: Any = None
        self._open: set[OpenImage] = set()

    def _cluster(self) -> Any:
        with self._lock, translated_errors():
            if self._connected is None:
                place = self._place
                cluster = rados.Rados(conffile=place.conf, rados_id=place.user or None)
                for option in ("rados_osd_op_timeout", "rados_mon_op_timeout", "client_mount_timeout"):
                    cluster.conf_set(option, str(place.timeout))
                cluster.connect(timeout=place.timeout)
                self._connected = cluster
            return self._connected

    def close(self) -> None:
        """Images that are still open are closed first: the binding does not survive those that are closed later."""
        for opened in list(self._open):
            opened.close()
        with self._lock:
            if self._connected is not None:
                self._connected.shutdown()
                self._connected = None

    @contextmanager
    def _pool(self) -> Iterator[Any]:
        cluster = self._cluster()
        with translated_errors(), cluster.open_ioctx(self._place.pool) as pool:
            yield pool

    @property
    def fsid(self) -> str:
        """Of the cluster."""
        cluster = self._cluster()
        with translated_errors():
            return str(cluster.get_fsid())

    def monitors(self) -> list[tuple[str, str]]:
        """Host and port of each, as clients are to reach them."""
        cluster = self._cluster()
        with translated_errors():
            code, out, text = cluster.mon_command(json.dumps({"prefix": "mon dump", "format": "json"}), b"")
        if code:
            raise CephError(abs(code), str(text))
        addresses = [each["addr"].partition("/")[0] for each in json.loads(out)["mons"]]
        return [(host.strip("[]"), port) for host, _, port in (each.rpartition(":") for each in addresses)]

    def rename(self, name: str, to: str) -> None:
        with self._pool() as pool:
            rbd.RBD().rename(pool, name, to)

    def names(self) -> list[str]:
        """Of the images in the pool."""
        with self._pool() as pool:
            return list(rbd.RBD().list(pool))

    def create(self, name: str, size: int, chunk: int) -> None:
        """An image that is all zeroes, in objects of ``chunk`` bytes. Source: ``glance_store/_drivers/rbd.py``."""
        with self._pool() as pool:
            features = int(self._cluster().conf_get("rbd_default_features") or 0) or rbd.RBD_FEATURE_LAYERING
            order = chunk.bit_length() - 1
            rbd.RBD().create(pool, name, size, order, old_format=False, features=features)

    def open(self, name: str, snapshot: str | None = None, *, read_only: bool = False) -> "OpenImage":
        """To be closed."""
        cluster = self._cluster()
        with translated_errors():
            pool = cluster.open_ioctx(self._place.pool)
            try:
                image = rbd.Image(pool, name, snapshot=snapshot, read_only=read_only)
                return OpenImage(pool, image, self._open)
            except BaseException:
                pool.close()
                raise

    @contextmanager
    def image(self, name: str, snapshot: str | None = None, *, read_only: bool = False) -> Iterator[Any]:
        """The binding's own image, open while the block lasts."""
        opened = self.open(name, snapshot, read_only=read_only)
        try:
            with translated_errors():
                yield opened.image
        finally:
            opened.close()

    def clone(self, parent: CephPlace | None, image: str, snapshot: str, name: str, chunk: int) -> None:
        """An image over a protected snapshot, of which nothing is copied. ``parent``: its pool, unless it is this.

        Its objects are not smaller than its parent's (``cinder/volume/drivers/rbd.py: RBDDriver._clone``).
        """
        there = parent.pool if parent is not None else self._place.pool
        with self._pool() as pool, self._cluster().open_ioctx(there) as source:
            features = int(self._cluster().conf_get("rbd_default_features") or 0) | rbd.RBD_FEATURE_LAYERING
            with rbd.Image(source, image, snapshot=snapshot, read_only=True) as parent_image:
                order = max(chunk, parent_image.stripe_unit()).bit_length() - 1
            rbd.RBD().clone(source, image, snapshot, pool, name, features=features, order=order)

    def children(self, name: str, snapshot: str) -> list[tuple[str, str]]:
        """Pool and name of each clone of a snapshot; none where it does not exist."""
        try:
            with self.image(name, snapshot, read_only=True) as image:
                return list(image.list_children())
        except CephError as error:
            if error.is_missing:
                return []
            raise

    def remove_snapshot(self, name: str, snapshot: str) -> None:
        """One that does not exist is no error; one with clones is busy, and stays protected."""
        try:
            with self.image(name) as image:
                if image.is_protected_snap(snapshot):
                    image.unprotect_snap(snapshot)
                image.remove_snap(snapshot)
        except CephError as error:
            if not error.is_missing:
                raise

    def remove(self, name: str) -> None:
        """An image that does not exist is no error; one that has snapshots or is open is busy."""
        try:
            with self._pool() as pool:
                rbd.RBD().remove(pool, name)
        except CephError as error:
            if not error.is_missing:
                raise


class OpenImage:
    """An image of the binding with the pool that it needs."""

    def __init__(self, pool: Any, image: Any, among: "set[OpenImage]") -> None:
        self._pool = pool
        self.image = image
        self._among = among
        among.add(self)

    def close(self) -> None:
        """May be called again."""
        self._among.discard(self)
        with translated_errors():
            self.image.close()
            self._pool.close()
