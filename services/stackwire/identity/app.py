"""Identity, put together: every part is named once."""

import socket
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from stackwire.contracts.identity import IDENTITY
from stackwire.core.clock import Clock
from stackwire.core.context import system_context
from stackwire.core.policy import Policy
from stackwire.core.tokens import TokenSigner
from stackwire.db.pool import Database
from stackwire.http.app import make_app
from stackwire.identity import rpc
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.db import revocations
from stackwire.identity.domain.catalog import Entry, entries
from stackwire.identity.domain.policy import RULES
from stackwire.identity.flows.api.tokens import Tokens
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.flows.api.grants import Grants
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.flows.seed import Seed, plant
from stackwire.identity.http.authenticator import OwnAuthenticator
from stackwire.identity.http.errors import keystone_error
from stackwire.identity.http.routes import routes
from stackwire.identity.settings import IdentitySettings
from stackwire.messaging.rpc import RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.database import opened
from stackwire.runtime.service import Service, Sweep

_HERE = Path(str(files("stackwire.identity")))
PASSWORDS = Passwords()
"""One per process: what was proven once need not be proven again by the next identity started in it."""


async def build(settings: IdentitySettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """Ready to be started; the seed is planted. Raises SeedError, MigrationError, DatabaseUnavailable."""
    seed = Seed.read(settings.seed or _HERE / "identity.toml")
    signer = TokenSigner(settings.token_key)
    async with opened(settings, "identity", clock) as database:
        await plant(database, PASSWORDS, seed)
        return _assemble(settings, database, transport, signer)


def _assemble(settings: IdentitySettings, database: Database, transport: Transport, signer: TokenSigner) -> Service:
    policy = Policy("keystone", RULES, settings.policy_file)
    tokens = Tokens(database, signer, PASSWORDS, policy, database.clock, settings.token_hours)
    service: Service

    async def ready() -> bool:
        return await service.ready()

    async def forget() -> None:
        async with database.work(system_context("identity")) as uow:
            await revocations.forget(uow)

    app = make_app(
        routes=routes(
            tokens,
            Directory(database, PASSWORDS, policy, tokens.lifetime),
            Grants(database, policy, tokens.lifetime),
            Membership(database, policy, tokens.lifetime),
            policy,
            lambda origin: _catalog(settings, origin),
            settings.region,
        ),
        authenticator=OwnAuthenticator(tokens),
        errors=keystone_error,
        ready=ready,
    )
    service = Service(
        "identity",
        settings=settings,
        database=database,
        transport=transport,
        app=app,
        servers=[RpcServer(transport, IDENTITY, socket.gethostname(), rpc.endpoints(database))],
        sweeps=[Sweep(max(settings.sweep_seconds, 60.0), forget)],
    )
    return service


def _catalog(settings: IdentitySettings, origin: str) -> Sequence[Entry]:
    """``origin``: this service's address as the client reached it, where no public one is set."""
    public = settings.public_url or origin
    internal = settings.identity_url if settings.public_url else origin
    return entries(
        identity=(public, internal),
        image=(settings.image_public_url or settings.image_url, settings.image_url),
        volume=(settings.volume_public_url or settings.volume_url, settings.volume_url),
        compute=(settings.compute_public_url or settings.compute_url, settings.compute_url),
    )
