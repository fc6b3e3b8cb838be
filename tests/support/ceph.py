"""A Ceph of one node for the tests: a monitor and an OSD that keeps all in memory, from the system's packages."""

import functools
import importlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackwire.cloud.options import free_ports
from stackwire.object_store.place import MIB
from support.postgres import skip_or_fail

CONF = """
[global]
fsid = {fsid}
mon initial members = a
mon host = v2:127.0.0.1:{port}
auth cluster required = none
auth service required = none
auth client required = none
pid file = {folder}/$name.pid
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
keyring = {folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
mon data avail warn = 1
mon data avail crit = 1
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
rbd default features = 1
osd objectstore = memstore
memstore device bytes = 8589934592
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
"""
PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "rados", "rbd")


@dataclass(frozen=True, slots=True)
class Ceph:
    """``conf``: the file that clients read."""

    conf: Path

    def run(self, *words: str) -> str:
        """The output of a command of Ceph's, as an administrator gives it."""
        command = [words[0], "-c", str(self.conf), *words[1:]]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    @property
    def fsid(self) -> str:
        return str(_connected(self.conf).get_fsid())

    def a_pool(self) -> "APool":
        name = f"images-{uuid.uuid4().hex[:12]}"
        wish = {"prefix": "osd pool create", "pool": name, "pg_num": 8}
        code, _, text = _connected(self.conf).mon_command(json.dumps(wish), b"", timeout=60)
        assert code == 0, text
        return APool(self, name)

    @contextmanager
    def away(self) -> Iterator[None]:
        """The OSD does not answer until the block ends."""
        pid = int((self.conf.parent / "osd.0.pid").read_text())
        subprocess.run(["kill", f"-{signal.SIGSTOP.value}", str(pid)], check=True)
        try:
            yield
        finally:
            subprocess.run(["kill", f"-{signal.SIGCONT.value}", str(pid)], check=True)


@functools.cache
def _connected(conf: Path) -> Any:
    """A client of the cluster: its programs, which are new ones each time, take a second for each answer."""
    from stackwire.object_store.ceph import rados  # of Ceph's own packages

    cluster = rados.Rados(conffile=str(conf))
    cluster.connect(timeout=60)
    return cluster


@dataclass(frozen=True, slots=True)
class APool:
    """What another client of the cluster sees of it."""

    ceph: Ceph
    name: str

    def options(self, **more: Any) -> dict[str, Any]:
        """The settings of a store in it. An operation is not waited for longer than two seconds."""
        return {
            "rbd_store_pool": self.name,
            "rbd_store_ceph_conf": str(self.ceph.conf),
            "rados_connect_timeout": 2,
            **more,
        }

    def object(self, name: str) -> bytes:
        """The bytes of an object of RADOS."""
        with self._pool() as pool:
            return bytes(pool.read(name, pool.stat(name)[0]))

    def objects(self) -> list[str]:
        """The names of all its objects of RADOS."""
        with self._pool() as pool:
            return [str(each.key) for each in pool.list_objects()]

    def beginning(self, name: str) -> bytes:
        """Of an image, as far as the tests write."""
        with self._image(name) as image:
            return bytes(image.read(0, min(int(image.size()), 32 * MIB)))

    def write(self, name: str, data: bytes) -> None:
        """Over the beginning of an image."""
        with self._image(name) as image:
            image.write(data, 0)

    @contextmanager
    def _pool(self) -> Iterator[Any]:
        with _connected(self.ceph.conf).open_ioctx(self.name) as pool:
            yield pool

    @contextmanager
    def _image(self, name: str) -> Iterator[Any]:
        from stackwire.object_store.ceph import rbd  # of Ceph's own packages

        with self._pool() as pool, rbd.Image(pool, name) as image:
            yield image

    def names(self) -> list[str]:
        from stackwire.object_store.ceph import rbd  # of Ceph's own packages

        with self._pool() as pool:
            return list(rbd.RBD().list(pool))

    def size(self, name: str) -> int:
        with self._image(name) as image:
            return int(image.size())

    def parent(self, name: str) -> tuple[str, str, str] | None:
        """Pool, image and snapshot that it is a clone of; None for one that is none."""
        from stackwire.object_store.ceph import rbd  # of Ceph's own packages

        with self._image(name) as image:
            try:
                pool, parent, snapshot = image.parent_info()
            except rbd.ImageNotFound:
                return None
            return str(pool), str(parent), str(snapshot)

    def own_bytes(self, name: str) -> int:
        """Of an image itself, without what shows through from its parent: the bytes of its objects."""
        with self._image(name) as image:
            prefix = image.block_name_prefix()
        return sum(len(self.object(each)) for each in self.objects() if each.startswith(prefix))

    def rbd(self, command: str, *words: str) -> str:
        """Words that begin with @ name what is in this pool: ``@image``, ``@image@snapshot``."""
        spelt = [f"{self.name}/{word[1:]}" if word.startswith("@") else word for word in words]
        return self.ceph.run("rbd", *command.split(), *(spelt or [self.name]))


@contextmanager
def _daemon(conf: Path, program: str, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    """In the foreground, so that it ends with the tests."""
    silent = subprocess.DEVNULL
    words = [program, "-i", name, "-c", str(conf), "-f"]
    process = subprocess.Popen(words, stdin=silent, stdout=silent, stderr=silent)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def _folder() -> Iterator[Path]:
    """In memory where the system has a file system for that: a monitor syncs every step to its disk, and stops
    working when less than a hundredth of it is free."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="stackwire-ceph-", dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder)


def _wait_for(ceph: Ceph, daemon: "subprocess.Popen[bytes]", log: str, *question: str) -> dict[str, Any]:
    """The answer of the monitor. Where there is none in two minutes, the error shows what the daemon has logged."""
    ends = time.monotonic() + 120
    while daemon.poll() is None and time.monotonic() < ends:
        try:
            answer: dict[str, Any] = json.loads(ceph.run("ceph", "--connect-timeout", "10", *question, "-f", "json"))
        except subprocess.SubprocessError:
            continue
        if answer.get("num_up_osds", 1) > 0:
            return answer
    lines = (ceph.conf.parent / log).read_text(errors="replace").splitlines()
    raise AssertionError("\n".join([f"no answer to {question}; ended with {daemon.poll()}", *lines[-40:]]))


@pytest.fixture(scope="session")
def ceph() -> Iterator[Ceph]:
    """Skipped where its programs are not installed: ceph-mon, ceph-osd, ceph-common, python3-rbd."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        skip_or_fail(f"no Ceph: {', '.join(missing)} not found (ceph-mon, ceph-osd, ceph-common, python3-rbd)")
    try:
        importlib.import_module("stackwire.object_store.ceph")
    except ImportError as error:
        skip_or_fail(f"no Ceph: {error} (python3-rbd has it for the Python of the system's version)")
    with _folder() as folder, _running(folder) as cluster:
        yield cluster


@contextmanager
def _running(folder: Path) -> Iterator[Ceph]:
    conf = folder / "ceph.conf"
    fsid, port = str(uuid.uuid4()), free_ports(("ceph",))["ceph"]
    conf.write_text(CONF.format(folder=folder, fsid=fsid, port=port))
    ceph = Ceph(conf)
    address, monmap = f"[v2:127.0.0.1:{port}]", str(folder / "monmap")
    ceph.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
    ceph.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
    with _daemon(conf, "ceph-mon", "a") as monitor:
        _wait_for(ceph, monitor, "mon.a.log", "quorum_status")
        ceph.run("ceph", "osd", "new", osd := str(uuid.uuid4()))
        (folder / "osd").mkdir()
        ceph.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        with _daemon(conf, "ceph-osd", "0") as storage:
            _wait_for(ceph, storage, "osd.0.log", "osd", "stat")
            yield ceph


@pytest.fixture
def a_pool(ceph: Ceph) -> APool:
    return ceph.a_pool()
