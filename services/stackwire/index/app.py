"""Composition root of the index: a listener, a table, a small API."""

from stackwire.core.clock import Clock
from stackwire.http.app import make_app
from stackwire.http.probes import Probes
from stackwire.index.backends.services import Services
from stackwire.index.flows.index import PropertyIndex
from stackwire.index.http.errors import index_error
from stackwire.index.http.routes import routes
from stackwire.index.settings import IndexSettings
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.transport import Transport
from stackwire.runtime.authenticator import authenticator_of
from stackwire.runtime.database import opened
from stackwire.runtime.kept import Kept, Restored
from stackwire.runtime.revocations import RevocationWatch
from stackwire.runtime.service import Service, Sweep


async def build(settings: IndexSettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started; it reads everything soon after. Raises MigrationError, DatabaseUnavailable, ValueError."""
    async with opened(settings, "index", clock) as database:
        client = RpcClient(transport)
        index = PropertyIndex(database, Services(client, settings.page_size))
        listener = index.listener(transport, settings.max_length)
        watch = RevocationWatch(transport, "index", client, clock=database.clock)
        authenticator, own = authenticator_of(settings, watch, database.clock)
        probes = Probes()

        async def restored(what: Restored) -> None:
            await watch.restored(what)
            index.forget()

        return Service(
            "index",
            settings=settings,
            database=database,
            transport=transport,
            app=make_app(
                routes=routes(index, listener),
                authenticator=authenticator,
                errors=index_error,
                probes=probes,
                identity_url=settings.www_authenticate_uri,
            ),
            servers=[listener, watch.server],
            sweeps=[Sweep(settings.sweep_seconds, listener.catch_up), watch.sweep],
            resources=[*own, client],
            probes=probes,
            kept=Kept(restored=restored),
        )
