"""The composition root of the image service."""

import asyncio
import logging
import socket
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

from aiohttp import web

from stackwire.contracts.image import IMAGE
from stackwire.contracts.image_workers import IMAGE_TASKS
from stackwire.core.clock import Clock
from stackwire.core.policy import Policy
from stackwire.db.leases import Leases, new_owner
from stackwire.db.pool import Database
from stackwire.disk_image.certificates import Certificates
from stackwire.http.app import Ready, make_app
from stackwire.http.auth import Authenticator
from stackwire.http.client import HttpClient
from stackwire.image import rpc
from stackwire.image.backends.cache import CacheFolder
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.db.listing import PLANNER
from stackwire.image.domain import protection
from stackwire.image.domain.imports import COPY, DIRECT, DOWNLOAD, FROM_GLANCE
from stackwire.image.domain.notifications import EXCHANGE, NotificationBuilder, notification_filter
from stackwire.image.domain.policy import RULES
from stackwire.image.flows.api.call_traces import CallTraceQueries
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.image_cache import ImageCache
from stackwire.image.flows.metadefs_seed import seed
from stackwire.image.flows.recovery import Recovery
from stackwire.image.flows.registry import ApiFlows, WorkerFlows
from stackwire.image.http.call_traces import CallTraceHandlers
from stackwire.image.http.errors import glance_error
from stackwire.image.http.routes import routes
from stackwire.image.http.transfers import Transfers
from stackwire.image.http.versions import VersionHandlers
from stackwire.image.onion.assembly import build_onion
from stackwire.image.onion.call_trace import CallTraces
from stackwire.image.onion.layer import LayerDeps
from stackwire.image.settings import ImageSettings
from stackwire.image.stores_factory import stores_of
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of
from stackwire.runtime.database import opened
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Service, Sweep

_HERE = Path(str(files("stackwire.image")))
MAX_TASKS_PER_WORKER: Final = 10
"""Glance's ``taskflow_executor.max_workers``."""
IMPORT_METHODS: Final = (DIRECT, DOWNLOAD, COPY, FROM_GLANCE)


async def build(settings: ImageSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started. Raises InvalidProtection, MigrationError, DatabaseUnavailable, OSError."""
    rules = await _protection(settings)
    if settings.debug:
        logging.getLogger("stackwire.image.onion").setLevel(logging.DEBUG)
    web = Web(settings.download_filter, stall=settings.web_download_stall_seconds, total=settings.web_download_seconds)
    stores, staging = stores_of(settings, web), Staging(settings.data_dir)
    await asyncio.to_thread(stores.prepare)
    await asyncio.to_thread(staging.prepare)
    if settings.image_cache:
        await asyncio.to_thread(CacheFolder(settings.data_dir, settings.node).prepare)
    async with opened(settings, "image", clock, PLANNER) as database:
        await seed(database, _HERE / "catalogue")
        disabled = settings.disabled_notifications
        database.notification_filter = notification_filter(disabled) if disabled else None
        policy = _policy(settings, rules)
        layers = _layer_deps(settings, policy, rules, database, stores, staging)
        traces = CallTraces() if settings.debug else None
        return _service(settings, transport, _flow_deps(settings, layers, database, web, traces), traces)


async def _protection(settings: ImageSettings) -> protection.Protection | None:
    if settings.property_protection_file is None:
        return None
    text = await asyncio.to_thread(settings.property_protection_file.read_text, "utf-8")
    return protection.read(text, by_policy=settings.property_protection_rule_format == "policies")


def _policy(settings: ImageSettings, rules: protection.Protection | None) -> Policy:
    """The operator's rules; every one that the property protection names must be among them."""
    policy = Policy("glance", RULES, settings.policy_file)
    for name in rules.policies() if rules is not None else ():
        if not policy.knows(name):
            raise protection.InvalidProtection(f"property protection file: there is no policy rule '{name}'")
    return policy


def _layer_deps(
    settings: ImageSettings,
    policy: Policy,
    rules: protection.Protection | None,
    database: Database,
    stores: Stores,
    staging: Staging,
) -> LayerDeps:
    ttl = timedelta(seconds=settings.lease_seconds)
    single_process = settings.amqp_url == "memory"
    return LayerDeps(
        policy=policy,
        protection=rules,
        notifications=NotificationBuilder(f"image.{socket.gethostname()}"),
        limits=settings.limits,
        stores=stores,
        staging=staging,
        certificates=Certificates(settings.certificate_dir, settings.barbican_url),
        clock=database.clock,
        leases=Leases(database, owner=new_owner(), ttl=ttl, single_process=single_process),
        require_format_match=settings.require_image_format_match,
        delayed_delete=settings.delayed_delete,
        image_cache=settings.image_cache,
    )


def _flow_deps(
    settings: ImageSettings, layers: LayerDeps, database: Database, web: Web, traces: CallTraces | None
) -> FlowDeps:
    return FlowDeps(
        database=database,
        onion=build_onion(layers, traces),
        stores=layers.stores,
        staging=layers.staging,
        web=web,
        leases=layers.leases,
        policy=layers.policy,
        visibility="shared" if settings.behaviours.has("visibility-shared-default") else "private",
        task_lifetime=timedelta(hours=settings.task_time_to_live),
        default_page_size=settings.limit_param_default,
        max_page_size=settings.api_limit_max,
    )


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


def _service(settings: ImageSettings, transport: Transport, deps: FlowDeps, traces: CallTraces | None) -> Service:
    watch = RevocationWatch(transport, "image", RpcClient(transport))
    authenticator, own = authenticator_of(settings, watch)
    http, host = HttpClient("image"), socket.gethostname()
    flows = ApiFlows(settings, deps, _cache(settings, deps.database))
    transfers, prefetcher = Transfers(flows.downloads, settings.upload_seconds), flows.prefetcher
    service: Service

    async def ready() -> bool:
        return await service.ready()

    servers = [watch.server, RpcServer(transport, IMAGE, host, rpc.ApiEndpoints(flows).endpoints())]
    sweeps = [watch.sweep, *_sweeps(settings, deps)]
    app = None
    if settings.serves_work:
        worker = WorkerFlows(settings, deps, http)
        endpoints = rpc.worker_endpoints(worker)
        servers.append(RpcServer(transport, IMAGE_TASKS, host, endpoints, prefetch=MAX_TASKS_PER_WORKER))
        sweeps.append(Sweep(settings.wakeup_time, worker.scrubber.scrub))
    if settings.serves_api:
        app = _http(settings, flows, transfers, authenticator, ready)
        if traces is not None:
            app.router.add_get("/onion/{request_id}", CallTraceHandlers(CallTraceQueries(traces)).show)
        if prefetcher is not None:
            sweeps.append(Sweep(settings.heartbeat_seconds, prefetcher.sweep))
    service = Service(
        "image",
        settings=settings,
        exchange=EXCHANGE,
        database=deps.database,
        transport=transport,
        app=app,
        servers=servers,
        sweeps=sweeps,
        resources=[*own, http, *([] if prefetcher is None else [prefetcher]), deps.leases, deps.stores],
        busy=lambda: transfers.active > 0 or (prefetcher is not None and prefetcher.busy),
    )
    return service


def _http(
    settings: ImageSettings, flows: ApiFlows, transfers: Transfers, authenticator: Authenticator, ready: Ready
) -> web.Application:
    versions = VersionHandlers(settings.behaviours, caches=settings.image_cache)
    return make_app(
        routes=routes(flows, transfers, versions, settings.behaviours, import_methods=IMPORT_METHODS),
        authenticator=authenticator,
        errors=glance_error,
        ready=ready,
        identity_url=settings.www_authenticate_uri,
        rewrite=versions.rewrite,
    )


def _sweeps(settings: ImageSettings, deps: FlowDeps) -> list[Sweep]:
    """Those of every process of the service."""
    recovery, heartbeat = Recovery(deps), settings.heartbeat_seconds
    return [
        Sweep(heartbeat, recovery.abort_orphans),
        Sweep(max(settings.sweep_seconds, heartbeat), recovery.remove_orphaned_objects),
        Sweep(settings.sweep_seconds, recovery.expire_tasks),
        Sweep(heartbeat, lambda: asyncio.to_thread(deps.policy.refresh)),
    ]
