"""Composition root of the identity service."""

import socket
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

from stackwire.contracts.identity import IDENTITY
from stackwire.core.clock import Clock
from stackwire.core.policy import Policy
from stackwire.core.tokens import TokenSigner
from stackwire.db.pool import Database
from stackwire.http.addresses import merged_slashes
from stackwire.http.app import make_app
from stackwire.http.probes import Probes
from stackwire.identity import rpc
from stackwire.identity.backends.passwords import Passwords
from stackwire.identity.backends.sealing import Sealing
from stackwire.identity.domain.catalog import CatalogService, catalog_services
from stackwire.identity.domain.policy import RULES
from stackwire.identity.flows.api.application_credentials import ApplicationCredentials
from stackwire.identity.flows.api.catalog import CatalogFlows
from stackwire.identity.flows.api.credentials import Credentials
from stackwire.identity.flows.api.directory import Directory
from stackwire.identity.flows.api.grants import Grants
from stackwire.identity.flows.api.limits import Limits
from stackwire.identity.flows.api.logins import Logins
from stackwire.identity.flows.api.membership import Membership
from stackwire.identity.flows.api.project_tags import ProjectTags
from stackwire.identity.flows.api.role_inferences import RoleInferences
from stackwire.identity.flows.api.tokens import Tokens
from stackwire.identity.flows.api.trusts import Trusts
from stackwire.identity.flows.deps import IdentityDeps
from stackwire.identity.flows.seed import Seed, apply_seed, check_passwords
from stackwire.identity.http.authenticator import OwnAuthenticator
from stackwire.identity.http.errors import keystone_error, vary
from stackwire.identity.http.routes import IdentityFlows, routes
from stackwire.identity.settings import IdentitySettings
from stackwire.messaging.rpc import RpcServer
from stackwire.messaging.transport import Transport
from stackwire.runtime.database import opened
from stackwire.runtime.kept import Kept
from stackwire.runtime.service import Service, Sweep

_HERE = Path(str(files("stackwire.identity")))
PASSWORDS = Passwords()
"""One per process: services started in it share the cache of verified passwords."""


async def build(settings: IdentitySettings, *, transport: Transport, clock: Clock | None = None) -> Service:
    """A service ready to be started; the seed is applied. Raises SeedError, MigrationError, DatabaseUnavailable."""
    seed = Seed.read(settings.seed or _HERE / "identity.toml").with_password(settings.seed_password)
    signer = TokenSigner(settings.token_key, clock)
    async with opened(settings, "identity", clock) as database:
        await apply_seed(database, PASSWORDS, seed)
        if settings.is_exposed:
            await check_passwords(database, PASSWORDS, seed)
        return _assemble(settings, database, transport, signer)


def _assemble(settings: IdentitySettings, database: Database, transport: Transport, signer: TokenSigner) -> Service:
    deps = _deps(settings, database, signer)
    credentials = Credentials(deps, Sealing(settings.token_key))
    tokens = Tokens(deps, Logins(deps, credentials))
    probes = Probes()
    app = make_app(
        routes=routes(_flows(settings, deps, tokens, credentials)),
        authenticator=OwnAuthenticator(tokens),
        errors=keystone_error,
        middlewares=(vary,),
        probes=probes,
        rewrite=lambda request: merged_slashes(request).rstrip("/") or "/",
    )
    return Service(
        "identity",
        settings=settings,
        database=database,
        transport=transport,
        app=app,
        servers=[RpcServer(transport, IDENTITY, socket.gethostname(), rpc.endpoints(tokens))],
        kept=Kept(lasting=("revocations",), restored=tokens.restored),
        sweeps=[Sweep(max(settings.sweep_seconds, 60.0), tokens.delete_expired_revocations)],
        probes=probes,
    )


def _deps(settings: IdentitySettings, database: Database, signer: TokenSigner) -> IdentityDeps:
    return IdentityDeps(
        database=database,
        policy=Policy("keystone", RULES, settings.policy_file),
        passwords=PASSWORDS,
        token_lifetime=timedelta(hours=settings.token_hours),
        signer=signer,
    )


def _flows(settings: IdentitySettings, deps: IdentityDeps, tokens: Tokens, credentials: Credentials) -> IdentityFlows:
    directory = Directory(deps)
    catalog = CatalogFlows(deps, lambda origin: _catalog(settings, origin), settings.region)
    return IdentityFlows(
        tokens=tokens,
        directory=directory,
        tags=ProjectTags(deps, directory),
        grants=Grants(deps),
        inferences=RoleInferences(deps),
        membership=Membership(deps),
        application_credentials=ApplicationCredentials(deps),
        trusts=Trusts(deps),
        credentials=credentials,
        catalog=catalog,
        limits=Limits(deps, catalog),
    )


def _catalog(settings: IdentitySettings, origin: str) -> Sequence[CatalogService]:
    """``origin``: the address at which the client reached identity, used where no public one is set."""
    public = settings.public_url or origin
    internal = settings.identity_url if settings.public_url else origin
    return catalog_services(
        identity=(public, internal),
        image=(settings.image_public_url or settings.image_url, settings.image_url),
        volume=(settings.volume_public_url or settings.volume_url, settings.volume_url),
        compute=(settings.compute_public_url or settings.compute_url, settings.compute_url),
        object_store=settings.object_store_public_url,
    )
