"""What the layers and the flows of a process share, from its settings: those of the service, and of glance-registry."""

import asyncio
import socket
from datetime import timedelta

from stackwire.core.policy import Policy
from stackwire.db.leases import Leases, new_owner
from stackwire.db.pool import Database
from stackwire.disk_image.certificates import Certificates
from stackwire.http.client import HttpClient
from stackwire.http.service_user import Credentials, ServiceUser
from stackwire.image.backends.registry import RegistryClient
from stackwire.image.backends.staging import Staging
from stackwire.image.backends.stores import Stores
from stackwire.image.backends.web import Web
from stackwire.image.domain import protection
from stackwire.image.domain.notifications import NotificationBuilder
from stackwire.image.domain.policy import RULES
from stackwire.image.flows.deps import FlowDeps
from stackwire.image.onion.layer import LayerDeps
from stackwire.image.onion.port import Onion
from stackwire.image.settings import ImageSettings


async def protection_of(settings: ImageSettings) -> protection.Protection | None:
    """Who may do what with which property; None: everybody. Raises InvalidProtection, OSError."""
    if settings.property_protection_file is None:
        return None
    text = await asyncio.to_thread(settings.property_protection_file.read_text, "utf-8")
    return protection.read(text, by_policy=settings.property_protection_rule_format == "policies")


def policy_of(settings: ImageSettings, rules: protection.Protection | None) -> Policy:
    """The operator's rules; every one that the property protection names must be among them."""
    policy = Policy("glance", RULES, settings.policy_file)
    for name in rules.policies() if rules is not None else ():
        if not policy.knows(name):
            raise protection.InvalidProtection(f"property protection file: there is no policy rule '{name}'")
    return policy


def layer_deps(
    settings: ImageSettings,
    policy: Policy,
    rules: protection.Protection | None,
    database: Database,
    stores: Stores,
    staging: Staging,
    registry: RegistryClient | None = None,
) -> LayerDeps:
    """What every layer has."""
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
        registry=registry,
    )


def flow_deps(settings: ImageSettings, layers: LayerDeps, database: Database, web: Web, onion: Onion) -> FlowDeps:
    """What every flow has."""
    return FlowDeps(
        database=database,
        onion=onion,
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


def registry_of(settings: ImageSettings) -> RegistryClient | None:
    """The client of glance-registry, where the v1 API answers, or v2 asks it. ValueError without a password for it."""
    wanted = settings.behaviours.has("v1-api") or settings.is_through_registry
    if not (settings.serves_api and settings.behaviours.has("glance-registry") and wanted):
        return None
    if not settings.admin_password:
        raise ValueError(f"release {settings.behaviours.release} has glance-registry: STACKWIRE_IMAGE_ADMIN_PASSWORD")
    user = Credentials(
        settings.www_authenticate_uri, settings.admin_user, settings.admin_password, settings.admin_tenant_name
    )
    return RegistryClient(settings.registry_url, HttpClient("image"), ServiceUser(user))
