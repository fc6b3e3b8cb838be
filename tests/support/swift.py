"""Swift for the tests: its own storage servers, and a proxy for each cloud whose tokens it takes."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from swiftclient import client as swift

from stackwire.cloud.options import free_ports
from support.cloud import ASharedCloud, TestCloud

_SERVERS = Path(__file__).with_name("swift_servers.py")


@contextmanager
def _process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs until the block ends; begins when it answers."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-P", "-W", "ignore", str(_SERVERS), *words]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n", "Swift did not start"
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="session")
def swift_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the rings; the servers are on free ports."""
    folder = tmp_path_factory.mktemp("swift") / "servers"
    folder.mkdir()
    with _process(str(folder)):
        yield folder


@dataclass(frozen=True, slots=True)
class ASwift:
    """A proxy, as somebody else sees it who is the store's user. ``identity``: the cloud that it asks about tokens."""

    identity: TestCloud
    url: str
    container: str

    def options(self, **more: Any) -> dict[str, Any]:
        """The settings of a store; the segments are as small as glance_store takes them."""
        return {
            "swift_store_auth_address": self.identity.auth_url,
            "swift_store_user": "service:glance",
            "swift_store_key": "secret",
            "swift_store_container": self.container,
            "swift_store_create_container_on_put": True,
            "swift_store_large_object_size": 3,
            "swift_store_large_object_chunk_size": 1,
            **more,
        }

    async def account(self, project: str | None = None) -> "AnAccount":
        """The service's own, or another project's, in the hands of the service's user."""
        glance = await self.identity.http("glance", "service")
        return AnAccount(f"{self.url}/v1/AUTH_{project or glance.project_id}", glance.token)


@dataclass(frozen=True, slots=True)
class AnAccount:
    """Every method runs in a thread: swiftclient blocks, and the identity service is on this loop."""

    url: str
    token: str

    async def containers(self, prefix: str = "") -> list[str]:
        found = await self._call(swift.get_account, prefix=prefix)
        return [entry["name"] for entry in found[1]]

    async def keys(self, container: str) -> list[str]:
        return [entry["name"] for entry in (await self._call(swift.get_container, container))[1]]

    async def everything(self, prefix: str) -> list[str]:
        """What is in the containers whose names begin so."""
        return [key for each in await self.containers(prefix) for key in await self.keys(each)]

    async def headers(self, container: str, key: str) -> Mapping[str, str]:
        return dict(await self._call(swift.head_object, container, key))

    async def put(self, container: str, key: str, data: bytes) -> None:
        await self._call(swift.put_container, container)
        await self._call(swift.put_object, container, key, contents=data)

    async def delete(self, container: str, key: str) -> None:
        await self._call(swift.delete_object, container, key)

    async def _call(self, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return await asyncio.to_thread(call, self.url, self.token, *args, **more)


@pytest.fixture(scope="module")
async def swift_proxy(swift_storage: Path, a_shared_cloud: ASharedCloud) -> AsyncIterator[tuple[TestCloud, str]]:
    """Its address, and its identity service, in whose catalogue it is."""
    port = free_ports(("swift",))["swift"]
    url = f"http://127.0.0.1:{port}"
    settings = {"identity": {"object_store_public_url": f"{url}/v1/AUTH_{{project_id}}"}}
    identity = await a_shared_cloud(services=("identity",), settings=settings)
    proxy = _process(str(swift_storage), str(port), identity.auth_url)
    await asyncio.to_thread(proxy.__enter__)
    try:
        yield identity, url
    finally:
        await asyncio.to_thread(proxy.__exit__, None, None, None)


@pytest.fixture
def a_swift(swift_proxy: tuple[TestCloud, str]) -> ASwift:
    """Its container is not there yet."""
    return ASwift(*swift_proxy, f"images-{uuid4().hex}")
