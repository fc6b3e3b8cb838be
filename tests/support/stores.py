"""One place for image data of each type of store that can be written, as those who test all of them alike see it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.ceph import APool
from support.cloud import TestCloud
from support.polling import until
from support.s3 import ABucket
from support.swift import ASwift

AWAY = "http://127.0.0.1:9"
KINDS = ("file", "s3", "cinder", "swift", "rbd")
"""What can be written; a store of type ``http`` is only read."""


@dataclass(frozen=True, slots=True)
class AnyStore:
    """A store ``far`` of a type, beside ``near``, which is of files. ``services``: what it needs to be there.

    ``away``: what is otherwise where it cannot be reached, if that can be. ``left``: the names of what is in it;
    ``contents``: all its bytes, deleted ones too where they could be found.
    """

    kind: str
    options: Mapping[str, Any]
    away: Mapping[str, Any]
    left: Callable[[TestCloud], Awaitable[Sequence[str]]]
    contents: Callable[[TestCloud], Awaitable[bytes]]
    services: Sequence[str] = ("identity", "image")

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"image": self.of_image(**more)}

    def of_image(self, **more: Any) -> dict[str, Any]:
        return {"enabled_backends": f"near:file, far:{self.kind}", "default_backend": "near", **self.options, **more}


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 1 << 25)


def _sparse_bytes_of(folder: Path) -> bytes:
    """Volumes are mostly holes: their beginnings."""

    def beginning(path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(1 << 24)

    return b"".join(beginning(path) for path in folder.rglob("*") if path.is_file())


def _files() -> AnyStore:
    async def left(cloud: TestCloud) -> list[str]:
        return [path.name for path in _far(cloud).rglob("*") if path.is_file()]

    async def contents(cloud: TestCloud) -> bytes:
        return _bytes_of(_far(cloud))

    return AnyStore("file", {}, {}, left, contents)


def _far(cloud: TestCloud) -> Path:
    [found] = [path for path in cloud.cloud.options.data_dir.rglob("far") if path.is_dir()]
    return found


def _cinder() -> AnyStore:
    async def left(cloud: TestCloud) -> list[str]:
        async def none_is_deleted() -> bool:
            await cloud.settle()
            return not await cloud.rows("volume", "SELECT id FROM volumes WHERE NOT deleted AND status = 'deleting'")

        at_rest: bool = await until(none_is_deleted, 20)
        assert at_rest
        rows = await cloud.rows("volume", "SELECT name FROM volumes WHERE NOT deleted")
        return [row["name"] for row in rows]

    async def contents(cloud: TestCloud) -> bytes:
        await cloud.settle()
        folders = [path for path in cloud.cloud.options.data_dir.rglob("volumes") if path.is_dir()]
        return b"".join(map(_sparse_bytes_of, folders))

    return AnyStore("cinder", {}, {}, left, contents, ("identity", "image", "volume"))


def _s3(bucket: ABucket) -> AnyStore:
    async def left(_: TestCloud) -> list[str]:
        return [*await asyncio.to_thread(bucket.names), *await asyncio.to_thread(bucket.uploads)]

    async def contents(_: TestCloud) -> bytes:
        client = bucket.endpoint.client()
        return b"".join(client.get_object(Bucket=bucket.name, Key=key)["Body"].read() for key in bucket.names())

    return AnyStore("s3", bucket.options(), {"s3_store_host": AWAY}, left, contents)


def _swift(swift: ASwift, servers: Path, *, by_project: bool) -> AnyStore:
    async def left(_: TestCloud) -> list[str]:
        return list(await (await swift.account()).everything(swift.container))

    async def contents(_: TestCloud) -> bytes:
        return _bytes_of(servers / "devices" / "d1" / "objects")

    options = swift.options(swift_store_multi_tenant=by_project)
    return AnyStore("swift", options, {"swift_store_endpoint": f"{AWAY}/v1/AUTH_a"}, left, contents)


def _rbd(pool: APool) -> AnyStore:
    async def left(_: TestCloud) -> list[str]:
        return await asyncio.to_thread(pool.names)

    async def contents(_: TestCloud) -> bytes:
        """Of every object, also of those that belong to no image any more."""
        return b"".join([await asyncio.to_thread(pool.object, name) for name in await asyncio.to_thread(pool.objects)])

    nowhere = pool.ceph.conf.with_name("nowhere.conf")
    nowhere.write_text(pool.ceph.conf.read_text().replace("mon host = v2:127.0.0.1:", "mon host = v2:127.0.0.2:"))
    return AnyStore("rbd", pool.options(), {"rbd_store_ceph_conf": str(nowhere)}, left, contents)


@pytest.fixture(params=[*KINDS, "swift by project"])
def any_store(request: pytest.FixtureRequest) -> AnyStore:
    """Each in turn; a server is started only for what needs one."""
    match request.param:
        case "file":
            return _files()
        case "cinder":
            return _cinder()
        case "s3":
            return _s3(request.getfixturevalue("s3_endpoint").a_bucket())
        case "rbd":
            return _rbd(request.getfixturevalue("a_pool"))
        case _:
            servers = request.getfixturevalue("swift_storage")
            by_project = request.param == "swift by project"
            return _swift(request.getfixturevalue("a_swift"), servers, by_project=by_project)
