"""The composition root of the image service."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web

from stackwire.contracts.image import IMAGE
from stackwire.contracts.image_workers import IMAGE_TASKS
from stackwire.core.clock import Clock
from stackwire.db.pool import Database
from stackwire.http.app import make_app
from stackwire.http.auth import Authenticator
from stackwire.http.client import HttpClient
from stackwire.http.probes import Probes
from stackwire.image import registry_app, rpc
from stackwire.image.backends.cache import CacheFolder
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.web import Web
from stackwire.image.db import registry as registry_rights
from stackwire.image.db.listing import PLANNER
from stackwire.image.dependencies import flow_deps, layer_deps, policy_of, protection_of, registry_of
from stackwire.image.domain.imports import COPY, DIRECT, DOWNLOAD, FROM_GLANCE
from stackwire.image.domain.notifications import EXCHANGE, notification_filter
from stackwire.image.domain.registry_options import REGISTRY
from stackwire.image.flows.api.call_traces import CallTraceQueries
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.image_cache import ImageCache
from stackwire.image.flows.metadefs_seed import seed
from stackwire.image.flows.recovery import Recovery
from stackwire.image.flows.registry import ApiFlows, V1Flows, WorkerFlows
from stackwire.image.http.call_traces import CallTraceHandlers
from stackwire.image.http.errors import glance_error
from stackwire.image.http.routes import routes
from stackwire.image.http.transfers import Transfers
from stackwire.image.http.versions import VersionHandlers
from stackwire.image.onion.assembly import build_onion, build_v1_onion, build_v2_onion
from stackwire.image.onion.call_trace import CallTraces
from stackwire.image.onion.registry import RegistryTransactions
from stackwire.image.settings import ImageSettings
from stackwire.image.stores_factory import stores_of
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of, service_tokens_of
from stackwire.runtime.database import opened
from stackwire.runtime.kept import Kept, Restored
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Service, Sweep

_HERE = Path(str(files("stackwire.image")))
MAX_TASKS_PER_WORKER: Final = 10
"""Glance's ``taskflow_executor.max_workers``."""
CACHE_TABLES: Final = ("cached_images", "cache_queue")
"""What lies in a node's cache: no part of a state."""
IMPORT_METHODS: Final = (DIRECT, DOWNLOAD, COPY, FROM_GLANCE)


async def build(settings: ImageSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started. Raises InvalidProtection, MigrationError, DatabaseUnavailable, OSError, ValueError."""
    if settings.role == REGISTRY:
        return await registry_app.build(settings, transport=transport, clock=clock)
    rules, registry = await protection_of(settings), registry_of(settings)
    if settings.debug:
        logging.getLogger("stackwire.image.onion").setLevel(logging.DEBUG)
    web = Web(settings.download_filter, stall=settings.web_download_stall_seconds, total=settings.web_download_seconds)
    stores, staging = stores_of(settings, web, transport.faults), Staging(settings.data_dir)
    await asyncio.to_thread(stores.prepare)
    await asyncio.to_thread(staging.prepare)
    if settings.image_cache:
        await asyncio.to_thread(CacheFolder(settings.data_dir, settings.node).prepare)
    async with opened(settings, "image", clock, PLANNER) as database:
        await seed(database, _HERE / "catalogue")
        if settings.behaviours.has("glance-registry"):
            await registry_rights.grant(database)
        disabled = settings.disabled_notifications
        database.notification_filter = notification_filter(disabled) if disabled else None
        policy = policy_of(settings, rules)
        layers = layer_deps(settings, policy, rules, database, stores, staging, registry)
        traces = CallTraces() if settings.debug else None
        onion = build_onion(layers, traces)
        deps, v1, v2 = flow_deps(settings, layers, database, web, onion), None, None
        if registry is not None:
            around = replace(deps, elsewhere=RegistryTransactions())
            if settings.behaviours.has("v1-api"):
                v1 = V1Flows(settings, replace(around, onion=build_v1_onion(onion, layers, traces)), registry)
            if settings.is_through_registry:
                v2 = replace(around, onion=build_v2_onion(onion, layers, traces))
        flows = ApiFlows(settings, deps, _cache(settings, database), v1, v2, registry)
        return _service(settings, transport, deps, flows, traces)


def _cache(settings: ImageSettings, database: Database) -> ImageCache | None:
    if not settings.image_cache:
        return None
    return ImageCache(
        database,
        CacheFolder(settings.data_dir, settings.node),
        settings.node,
        max_bytes=settings.image_cache_max_size,
        stall_seconds=settings.image_cache_stall_time,
    )


def _service(
    settings: ImageSettings, transport: Transport, deps: FlowDeps, flows: ApiFlows, traces: CallTraces | None
) -> Service:
    watch = RevocationWatch(transport, "image", RpcClient(transport), clock=deps.database.clock)
    authenticator, own = authenticator_of(settings, watch, deps.database.clock, "image")
    http, host = HttpClient("image", service_tokens_of(settings, "image", deps.database.clock)), socket.gethostname()
    transfers, prefetcher = Transfers(flows.downloads, settings.upload_seconds), flows.prefetcher
    probes = Probes()

    servers = [watch.server, RpcServer(transport, IMAGE, host, rpc.ApiEndpoints(flows).endpoints())]
    sweeps = [watch.sweep, *_sweeps(settings, deps)]
    app = None
    if settings.serves_work:
        worker = WorkerFlows(settings, deps, http)
        endpoints = rpc.worker_endpoints(worker)
        servers.append(RpcServer(transport, IMAGE_TASKS, host, endpoints, prefetch=MAX_TASKS_PER_WORKER))
        sweeps.append(Sweep(settings.wakeup_time, worker.scrubber.scrub))
    if settings.serves_api:
        app = _http(settings, flows, transfers, authenticator, probes, traces)
        if prefetcher is not None:
            sweeps.append(Sweep(settings.heartbeat_seconds, prefetcher.sweep))
    parts = [part for part in (prefetcher, flows.v1) if part is not None]
    return Service(
        "image",
        settings=settings,
        exchange=EXCHANGE,
        database=deps.database,
        transport=transport,
        app=app,
        servers=servers,
        sweeps=sweeps,
        resources=[*own, http, deps.leases, deps.stores, *parts, *flows.connections],
        kept=_kept(deps, watch, traces, [part.interrupt for part in parts]),
        busy=lambda: transfers.active > 0 or any(part.busy for part in parts),
        probes=probes,
        folders=[settings.data_dir, *deps.stores.folders],
    )


def _kept(
    deps: FlowDeps,
    watch: RevocationWatch,
    traces: CallTraces | None,
    interrupt: Sequence[Callable[[], Awaitable[object]]],
) -> Kept:
    async def restored(what: Restored) -> None:
        await watch.restored(what)
        if traces is not None:
            traces.clear()

    folders = {**deps.stores.kept_folders(), "staging": deps.staging.path("")}
    return Kept(
        folders=folders, elsewhere=deps.stores.remote, transient=CACHE_TABLES, interrupt=interrupt, restored=restored
    )


def _http(
    settings: ImageSettings,
    flows: ApiFlows,
    transfers: Transfers,
    authenticator: Authenticator,
    probes: Probes,
    traces: CallTraces | None,
) -> web.Application:
    versions = VersionHandlers(settings.behaviours, caches=settings.image_cache)
    app = make_app(
        routes=routes(flows, transfers, versions, import_methods=IMPORT_METHODS),
        authenticator=authenticator,
        errors=glance_error,
        probes=probes,
        identity_url=settings.www_authenticate_uri,
        rewrite=versions.rewrite,
    )
    if traces is not None:
        app.router.add_get("/onion/{request_id}", CallTraceHandlers(CallTraceQueries(traces)).show)
    return app


def _sweeps(settings: ImageSettings, deps: FlowDeps) -> list[Sweep]:
    """Those of every process of the service."""
    recovery, heartbeat = Recovery(deps), settings.heartbeat_seconds
    return [
        Sweep(heartbeat, recovery.abort_orphans),
        Sweep(max(settings.sweep_seconds, heartbeat), recovery.remove_orphaned_objects),
        Sweep(settings.sweep_seconds, recovery.expire_tasks),
        Sweep(heartbeat, lambda: asyncio.to_thread(deps.policy.refresh)),
    ]
