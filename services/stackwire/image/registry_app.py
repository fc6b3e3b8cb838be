"""The composition root of glance-registry: the role ``registry``, with a port and a database role of its own."""

from stackwire.core.clock import Clock
from stackwire.db.errors import InsufficientPrivilege
from stackwire.db.migrate import MigrationError
from stackwire.http.app import make_app
from stackwire.http.database_uses import record_database_uses
from stackwire.http.probes import Probes
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.web import Web
from stackwire.image.db.listing import PLANNER
from stackwire.image.dependencies import flow_deps, layer_deps, policy_of
from stackwire.image.domain.notifications import EXCHANGE, notification_filter
from stackwire.image.domain.registry_options import REGISTRY
from stackwire.image.flows.api.images import ImageMetadata
from stackwire.image.flows.api.members import Memberships
from stackwire.image.flows.api.registry_commands import RegistryCommands
from stackwire.image.flows.api.registry_images import RegistryImages
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.flows.registry import location_requests
from stackwire.image.http.errors import glance_error
from stackwire.image.http.registry import registry_routes
from stackwire.image.http.registry_auth import ServiceAuthenticator
from stackwire.image.onion.assembly import build_registry_onion
from stackwire.image.settings import ImageSettings
from stackwire.image.stores_factory import stores_of
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of
from stackwire.runtime.database import opened
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Service


async def build(settings: ImageSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started. Raises MigrationError where the image service has not prepared its tables yet."""
    web = Web(settings.download_filter, stall=settings.web_download_stall_seconds, total=settings.web_download_seconds)
    try:
        async with opened(settings, "image", clock, PLANNER) as database:
            disabled = settings.disabled_notifications
            database.notification_filter = notification_filter(disabled) if disabled else None
            stores, staging = stores_of(settings, web), Staging(settings.data_dir)
            layers = layer_deps(settings, policy_of(settings, None), None, database, stores, staging)
            return _service(
                settings, transport, flow_deps(settings, layers, database, web, build_registry_onion(layers))
            )
    except InsufficientPrivilege as error:
        raise MigrationError("the image service has to be started first: it prepares the registry's tables") from error


def _service(settings: ImageSettings, transport: Transport, deps: FlowDeps) -> Service:
    """No recovery: the uploads under way are the API's, which is recovered by the image service."""
    watch = RevocationWatch(transport, REGISTRY, RpcClient(transport), clock=deps.database.clock)
    tokens, own = authenticator_of(settings, watch, deps.database.clock, "image")
    metadata, members = ImageMetadata(deps, location_requests(settings, deps)), Memberships(deps, settings.behaviours)
    images = RegistryImages(deps, metadata)
    probes = Probes()
    return Service(
        REGISTRY,
        settings=settings.model_copy(update={"port": settings.registry_port}),
        exchange=EXCHANGE,
        database=deps.database,
        transport=transport,
        app=make_app(
            routes=registry_routes(images, members, RegistryCommands(deps, images, metadata, members)),
            authenticator=ServiceAuthenticator(tokens),
            errors=glance_error,
            probes=probes,
            identity_url=settings.www_authenticate_uri,
            middlewares=[record_database_uses],
        ),
        servers=[watch.server],
        sweeps=[watch.sweep],
        resources=[*own, deps.leases, deps.stores],
        probes=probes,
    )
