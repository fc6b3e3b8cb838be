"""The image service, put together: every part is named once."""

import asyncio
import socket
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

from stackwire.contracts.image import IMAGE
from stackwire.core.clock import Clock
from stackwire.core.policy import Policy
from stackwire.db.pool import Database
from stackwire.http.app import make_app
from stackwire.image import rpc
from stackwire.image.backends.files import FileStore
from stackwire.image.domain import protection
from stackwire.image.domain.events import Voice
from stackwire.image.domain.policy import RULES
from stackwire.image.flows.data import Data
from stackwire.image.flows.images import Metadata
from stackwire.image.flows.members import Members
from stackwire.image.flows.sweep import Sweeper
from stackwire.image.http.data import DataHandlers
from stackwire.image.http.errors import glance_error
from stackwire.image.http.images import ImageHandlers
from stackwire.image.http.members import MemberHandlers
from stackwire.image.http.routes import routes
from stackwire.image.http.versions import VersionHandlers
from stackwire.image.onion import LAYERS
from stackwire.image.onion.authorization import Authorization
from stackwire.image.onion.database import Database as Innermost
from stackwire.image.onion.location import Location
from stackwire.image.onion.notifier import Notifier
from stackwire.image.onion.policy import Policy as PolicyLayer
from stackwire.image.onion.port import Images
from stackwire.image.onion.property_protection import PropertyProtection
from stackwire.image.onion.quota import Quota
from stackwire.image.settings import ImageSettings
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Service, Sweep

_HERE = Path(str(files("stackwire.image")))
SILENCE = 3
"""Heartbeats a worker may miss before its uploads are taken over."""


async def build(settings: ImageSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started. Raises InvalidProtection, MigrationError, DatabaseUnavailable, OSError."""
    rules = await _protection(settings)
    store = FileStore(settings.data_dir)
    await asyncio.to_thread(store.prepare)
    database = await Database.open(
        settings.database_url,
        schema="image",
        migrations=_HERE / "db" / "migrations",
        clock=clock,
        max_size=settings.pool_size,
    )
    try:
        return _assemble(settings, database, transport, store, rules)
    except BaseException:
        await database.close()
        raise


async def _protection(settings: ImageSettings) -> protection.Protection | None:
    if settings.property_protection_file is None:
        return None
    text = await asyncio.to_thread(settings.property_protection_file.read_text, "utf-8")
    return protection.read(text, by_policy=settings.property_protection_rule_format == "policies")


def layers(settings: ImageSettings, policy: Policy, store: FileStore, rules: protection.Protection | None) -> Images:
    """The onion, from the inside out, in the order its tuple says."""
    voice = Voice(f"image.{socket.gethostname()}")
    made: dict[type, Callable[[Images], Images]] = {
        Authorization: Authorization,
        PropertyProtection: lambda inner: PropertyProtection(inner, rules, policy),
        Notifier: lambda inner: Notifier(inner, voice),
        PolicyLayer: lambda inner: PolicyLayer(inner, policy),
        Quota: lambda inner: Quota(inner, settings.limits),
        Location: lambda inner: Location(inner, store, match=settings.require_image_format_match),
    }
    *around, _ = LAYERS
    images: Images = Innermost()
    for layer in reversed(around):
        images = made[layer](images)
    return images


def _assemble(
    settings: ImageSettings,
    database: Database,
    transport: Transport,
    store: FileStore,
    rules: protection.Protection | None,
) -> Service:
    behaviours = settings.behaviours
    images = layers(settings, Policy("glance", RULES, settings.policy_file), store, rules)
    worker = f"{socket.gethostname()}/{uuid4().hex}"
    metadata = Metadata(
        database,
        images,
        store,
        visibility="shared" if behaviours.has("visibility-shared-default") else "private",
        default_page=settings.limit_param_default,
        longest_page=settings.api_limit_max,
    )
    watch = RevocationWatch(transport, "image", RpcClient(transport))
    authenticator, own = authenticator_of(settings, watch)
    sweeper = Sweeper(
        database,
        images,
        store,
        worker=worker,
        address=f"{socket.gethostname()}:{settings.port or worker}",
        silence=SILENCE * settings.heartbeat_seconds,
    )
    data = DataHandlers(Data(database, images, store, worker), store, settings.upload_seconds)
    service: Service

    async def ready() -> bool:
        return await service.ready()

    app = make_app(
        routes=routes(
            ImageHandlers(metadata),
            data,
            MemberHandlers(Members(database, images)),
            VersionHandlers(behaviours),
        ),
        authenticator=authenticator,
        errors=glance_error,
        ready=ready,
    )
    service = Service(
        "image",
        settings=settings,
        database=database,
        transport=transport,
        app=app if settings.serves_api else None,
        servers=[watch.server, RpcServer(transport, IMAGE, socket.gethostname(), rpc.endpoints(metadata))],
        sweeps=[
            watch.sweep,
            Sweep(settings.heartbeat_seconds, sweeper.heartbeat),
            Sweep(max(settings.sweep_seconds, settings.heartbeat_seconds), sweeper.orphans),
        ],
        resources=own,
        busy=lambda: data.busy > 0,
    )
    return service
