"""A temporary cloud: a folder, a PostgreSQL and free ports of its own."""

import asyncio
import importlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from stackwire.cloud.cloud import Cloud
from stackwire.cloud.options import ORDER, REGISTRY, Options, free_ports
from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.cloud.schemas import schemas
from stackwire.db.bootstrap import ROLES, bootstrap, create_database
from stackwire.trace.domain.message_store import MessageStore


@asynccontextmanager
async def workplace() -> AsyncIterator[Path]:
    """A temporary folder, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="stackwire-demo-"))
    folder.chmod(0o711)  # PostgreSQL's user must be able to enter it when root starts it
    try:
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running server, removed afterwards. Raises PostgresError."""
    server = EmbeddedPostgres(folder, contents=schemas)
    starting = asyncio.ensure_future(asyncio.to_thread(server.start))
    try:
        for name in ORDER:  # while it starts
            importlib.import_module(f"stackwire.{name}.app")
        await asyncio.shield(starting)
        yield server
    finally:
        await asyncio.shield(_remove(server, starting))


async def _remove(server: EmbeddedPostgres, starting: "asyncio.Future[None]") -> None:
    await asyncio.gather(starting, return_exceptions=True)
    await asyncio.to_thread(server.remove)


@asynccontextmanager
async def running(
    server: EmbeddedPostgres,
    folder: Path,
    name: str,
    release: str,
    with_bugs: Sequence[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> AsyncIterator[tuple[Cloud, MessageStore]]:
    """A cloud under a release's rules, and the store of its tracer. ``name``: of its database and folder."""
    ports = free_ports((*ORDER, "trace", REGISTRY))
    options = Options(
        data_dir=folder / name,
        trace_port=ports.pop("trace"),
        registry_port=ports.pop(REGISTRY),
        ports=ports,
        release=release,
        with_bugs=tuple(with_bugs),
    )
    await create_database(server.dsn(), name, template="postgres")  # which has its schemas
    await bootstrap(server.dsn(database=name))
    urls = {service: server.dsn(service, name) for service in ROLES}
    cloud = Cloud(options, database_urls=urls, token_key=secrets.token_hex(32), settings=settings)
    try:
        await cloud.start(options.services)
        tracer: Any = cloud.services["trace"]
        yield cloud, tracer.store
    finally:
        await asyncio.shield(cloud.stop())
