"""The image service, put together: every part is named once."""

import asyncio
import logging
import socket
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from stackwire.contracts.image import IMAGE
from stackwire.contracts.image_workers import IMAGE_TASKS
from stackwire.core.clock import Clock
from stackwire.core.policy import Policy
from stackwire.db.pool import Database
from stackwire.http.app import make_app
from stackwire.http.client import HttpClient
from stackwire.image import rpc
from stackwire.image.backends.cache import CacheFolder
from stackwire.image.backends.glance import OtherGlance
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.db.listing import PLANNER
from stackwire.image.domain import protection
from stackwire.image.domain.events import silencer
from stackwire.image.domain.imports import COPY, DIRECT, DOWNLOAD, FROM_GLANCE
from stackwire.image.domain.metadefs_notifications import MetadefNotificationBuilder
from stackwire.image.domain.policy import RULES
from stackwire.image.flows.api.call_traces import CallTraceQueries
from stackwire.image.flows.api.data import Data
from stackwire.image.flows.api.downloads import Downloads
from stackwire.image.flows.api.images import Metadata
from stackwire.image.flows.api.imports import Imports
from stackwire.image.flows.api.locations import Locations
from stackwire.image.flows.api.members import Members
from stackwire.image.flows.api.metadef_items import MetadefItems
from stackwire.image.flows.api.metadef_namespaces import MetadefNamespaces
from stackwire.image.flows.api.store_removal import Places
from stackwire.image.flows.api.stores import StoreQueries
from stackwire.image.flows.api.tasks import Tasks
from stackwire.image.flows.api.usage import UsageReport
from stackwire.image.flows.api.v1_images import V1Images
from stackwire.image.flows.hands import Hands
from stackwire.image.flows.image_cache import CacheKeeper, ImageCache
from stackwire.image.flows.metadefs_access import NamespaceAccess
from stackwire.image.flows.metadefs_seed import seed
from stackwire.image.flows.recovery import Sweeper
from stackwire.image.flows.worker.scrub import Scrubber
from stackwire.image.flows.worker.tasks.data_source import Bringing
from stackwire.image.flows.worker.tasks.runner import Worker
from stackwire.image.http.cache import CacheHandlers
from stackwire.image.http.call_traces import CallTraceHandlers
from stackwire.image.http.errors import glance_error
from stackwire.image.http.image_data import ImageDataHandlers
from stackwire.image.http.images import ImageHandlers
from stackwire.image.http.imports import ImportHandlers
from stackwire.image.http.json_schemas import SchemaHandlers
from stackwire.image.http.locations import LocationHandlers
from stackwire.image.http.members import MemberHandlers
from stackwire.image.http.metadef_items import MetadefObjectHandlers, MetadefPropertyHandlers, MetadefTagHandlers
from stackwire.image.http.metadef_namespaces import MetadefNamespaceHandlers
from stackwire.image.http.routes import Handlers, routes
from stackwire.image.http.stores import StoreHandlers
from stackwire.image.http.tasks import TaskHandlers
from stackwire.image.http.transfers import Transfers
from stackwire.image.http.usage import UsageHandlers
from stackwire.image.http.v1_images import V1ImageHandlers
from stackwire.image.http.v1_members import V1MemberHandlers
from stackwire.image.http.versions import VersionHandlers
from stackwire.image.onion.call_trace import Walks
from stackwire.image.onion.layers import layers
from stackwire.image.settings import ImageSettings
from stackwire.image.stores_factory import stores_of
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of
from stackwire.runtime.database import opened
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Service, Sweep

_HERE = Path(str(files("stackwire.image")))
SILENCE = 3
"""Heartbeats a worker may miss before its uploads are taken over."""
TASKS_AT_ONCE = 10
"""Of one worker: Glance's ``taskflow_executor.max_workers``."""
IMPORT_METHODS = (DIRECT, DOWNLOAD, FROM_GLANCE)


async def build(settings: ImageSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started. Raises InvalidProtection, MigrationError, DatabaseUnavailable, OSError."""
    rules = await _protection(settings)
    if settings.debug:
        logging.getLogger("stackwire.image.onion").setLevel(logging.DEBUG)
    web = Web(
        settings.download_filter,
        stall=settings.web_download_stall_seconds,
        total=settings.web_download_seconds,
    )
    store, staging = stores_of(settings, web), Staging(settings.data_dir)
    await asyncio.to_thread(store.prepare)
    await asyncio.to_thread(staging.prepare)
    if settings.image_cache:
        await asyncio.to_thread(CacheFolder(settings.data_dir, settings.node).prepare)
    async with opened(settings, "image", clock, PLANNER) as database:
        await seed(database, _HERE / "catalogue")
        return _assemble(settings, database, transport, store, staging, web, rules)


async def _protection(settings: ImageSettings) -> protection.Protection | None:
    if settings.property_protection_file is None:
        return None
    text = await asyncio.to_thread(settings.property_protection_file.read_text, "utf-8")
    return protection.read(text, by_policy=settings.property_protection_rule_format == "policies")


def _metadefs(settings: ImageSettings, database: Database, policy: Policy) -> tuple[MetadefNamespaces, MetadefItems]:
    access = NamespaceAccess(policy)
    notifications = MetadefNotificationBuilder(f"image.{socket.gethostname()}")
    namespaces = MetadefNamespaces(
        database,
        access,
        notifications,
        default_limit=settings.limit_param_default,
        max_limit=settings.api_limit_max,
    )
    return namespaces, MetadefItems(database, access, notifications)


def _v1(
    settings: ImageSettings, metadata: Metadata, data: Data, imports: Imports, transfers: Transfers, stores: Stores
) -> V1ImageHandlers | None:
    """The handlers of the v1 API's images, where the release has it."""
    behaviours, size_cap = settings.behaviours, settings.image_size_cap
    if not behaviours.has("v1-api"):
        return None
    images = V1Images(metadata, data, imports, behaviours, stores.enabled, size_cap=size_cap)
    return V1ImageHandlers(images, transfers)


def _cache(settings: ImageSettings, database: Database) -> ImageCache | None:
    if not settings.image_cache:
        return None
    return ImageCache(
        database,
        CacheFolder(settings.data_dir, settings.node),
        settings.node,
        most=settings.image_cache_max_size,
        stall=settings.image_cache_stall_time,
    )


def _assemble(
    settings: ImageSettings,
    database: Database,
    transport: Transport,
    store: Stores,
    staging: Staging,
    web: Web,
    rules: protection.Protection | None,
) -> Service:
    behaviours = settings.behaviours
    policy = Policy("glance", RULES, settings.policy_file)
    for name in rules.policies() if rules is not None else ():
        if not policy.knows(name):
            raise protection.InvalidProtection(f"property protection file: there is no policy rule '{name}'")
    walks = Walks() if settings.debug else None
    images = layers(settings, policy, store, staging, rules, database.clock, walks)
    database.notification_filter = (
        silencer(settings.disabled_notifications) if settings.disabled_notifications else None
    )
    worker = f"{socket.gethostname()}/{uuid4().hex}"
    visibility = "shared" if behaviours.has("visibility-shared-default") else "private"
    metadata = Metadata(
        database,
        images,
        store,
        staging,
        Locations(
            database,
            images,
            store,
            shown=settings.show_multiple_locations,
            direct=settings.show_image_direct_url,
            most=settings.image_location_quota,
            task_hours=settings.task_time_to_live,
        ),
        visibility=visibility,
        default_page=settings.limit_param_default,
        longest_page=settings.api_limit_max,
    )
    watch = RevocationWatch(transport, "image", RpcClient(transport))
    authenticator, own = authenticator_of(settings, watch)
    hands = Hands()
    sweeper = Sweeper(
        database,
        images,
        store,
        staging,
        hands,
        worker=worker,
        address=f"{socket.gethostname()}:{settings.port or worker}",
        silence=SILENCE * settings.heartbeat_seconds,
        task_hours=settings.task_time_to_live,
    )
    scrubber = Scrubber(database, store, seconds=settings.scrub_time, at_once=settings.scrub_pool_size)
    cache = _cache(settings, database)
    keeper = CacheKeeper(database, images, store, policy, cache)
    data = Data(database, images, store, staging, hands, worker)
    downloads = Downloads(data, store, cache)
    transfers = Transfers(downloads, settings.upload_seconds)
    imports = Imports(database, images, web, store, task_hours=settings.task_time_to_live)
    http = HttpClient("image")
    bringing = Bringing(
        images,
        staging,
        web,
        OtherGlance({settings.region: settings.image_url}, http),
        converts_to=settings.converts_to,
        carries=settings.glance_download_extra_properties,
    )
    work = Worker(
        database,
        images,
        store,
        staging,
        bringing,
        hands,
        name=worker,
        visibility=visibility,
        task_hours=settings.task_time_to_live,
        secure_hash=settings.do_secure_hash,
        tries=settings.http_retries,
    )
    methods = (*IMPORT_METHODS, *((COPY,) if len(store.writable) > 1 else ()))
    members = Members(database, images, behaviours)
    namespaces, items = _metadefs(settings, database, policy)
    pages = {"default_page": settings.limit_param_default, "longest_page": settings.api_limit_max}
    service: Service

    async def ready() -> bool:
        return await service.ready()

    app = make_app(
        routes=routes(
            Handlers(
                images=ImageHandlers(metadata, methods, store.enabled),
                data=ImageDataHandlers(data, downloads, transfers),
                imports=ImportHandlers(imports, methods),
                locations=LocationHandlers(metadata.locations),
                members=MemberHandlers(members),
                tasks=TaskHandlers(Tasks(database, images, web, **pages)),
                stores=StoreHandlers(StoreQueries(store, policy), Places(database, images, store)),
                usage=UsageHandlers(UsageReport(database, settings.limits.unified)),
                versions=VersionHandlers(behaviours, caches=settings.image_cache),
                cache=CacheHandlers(keeper),
                schemas=SchemaHandlers(),
                namespaces=MetadefNamespaceHandlers(namespaces),
                objects=MetadefObjectHandlers(items),
                properties=MetadefPropertyHandlers(items),
                tags=MetadefTagHandlers(items),
                v1_images=_v1(settings, metadata, data, imports, transfers, store),
                v1_members=V1MemberHandlers(members),
            )
        ),
        authenticator=authenticator,
        errors=glance_error,
        ready=ready,
    )
    if walks is not None:
        app.router.add_get("/onion/{request_id}", CallTraceHandlers(CallTraceQueries(walks)).show)
    servers = [watch.server, RpcServer(transport, IMAGE, socket.gethostname(), rpc.endpoints(metadata))]
    if settings.serves_work:
        name = socket.gethostname()
        servers.append(RpcServer(transport, IMAGE_TASKS, name, rpc.work(work), prefetch=TASKS_AT_ONCE))
    service = Service(
        "image",
        settings=settings,
        database=database,
        transport=transport,
        app=app if settings.serves_api else None,
        servers=servers,
        sweeps=[
            watch.sweep,
            Sweep(settings.heartbeat_seconds, sweeper.heartbeat),
            Sweep(max(settings.sweep_seconds, settings.heartbeat_seconds), sweeper.orphans),
            Sweep(settings.sweep_seconds, sweeper.forget),
            *([Sweep(settings.wakeup_time, scrubber.scrub)] if settings.serves_work else []),
            Sweep(settings.heartbeat_seconds, lambda: asyncio.to_thread(policy.refresh)),
            *([Sweep(settings.heartbeat_seconds, keeper.sweep)] if cache is not None and settings.serves_api else []),
        ],
        resources=[*own, http, keeper, store],
        busy=lambda: transfers.active > 0 or keeper.busy,
    )
    return service
