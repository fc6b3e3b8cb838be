"""The compute API, one line a call; every line also under the project's id, as older catalogues have it.

And all of it at ``/v2`` too, where no microversion is read and unknown keys are left out of bodies.
"""

from aiohttp import web

from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.http.aggregates import AggregateHandlers
from stackwire.compute.http.consoles import ConsoleHandlers
from stackwire.compute.http.extensions import ExtensionHandlers
from stackwire.compute.http.external_events import ExternalEventHandlers
from stackwire.compute.http.flavors import FlavorAccessHandlers, FlavorExtraSpecHandlers, FlavorHandlers
from stackwire.compute.http.guest_requests import GuestRequestHandlers
from stackwire.compute.http.hosts import ComputeHostHandlers
from stackwire.compute.http.hypervisors import HostHandlers, HypervisorHandlers
from stackwire.compute.http.image_proxies import ImageMetadataHandlers, ImageProxyHandlers
from stackwire.compute.http.instance_actions import InstanceActionHandlers
from stackwire.compute.http.keypairs import KeypairHandlers
from stackwire.compute.http.migrations import MigrationHandlers, ServerMigrationHandlers
from stackwire.compute.http.not_simulated import NOT_SIMULATED
from stackwire.compute.http.queries import checked
from stackwire.compute.http.quotas import LimitHandlers, QuotaClassHandlers, QuotaHandlers
from stackwire.compute.http.server_actions import ServerActionHandlers
from stackwire.compute.http.server_groups import ServerGroupHandlers
from stackwire.compute.http.server_ips import ServerIpHandlers
from stackwire.compute.http.server_metadata import ServerMetadataHandlers
from stackwire.compute.http.server_tags import ServerTagHandlers
from stackwire.compute.http.servers import ServerHandlers
from stackwire.compute.http.services import ServiceHandlers
from stackwire.compute.http.tenant_usage import UsageAuditHandlers, UsageHandlers
from stackwire.compute.http.unpack import require_version, unpack
from stackwire.compute.http.versions import VersionHandlers
from stackwire.compute.http.volume_attachments import VolumeAttachmentHandlers
from stackwire.compute.http.volume_proxies import SnapshotProxyHandlers, VolumeProxyHandlers
from stackwire.core.behaviours import Behaviours
from stackwire.http.app import Route, no_route
from stackwire.http.middlewares import Handler
from stackwire.http.refusals import refusals
from stackwire.http.request import RELAXED

Row = tuple[str, str, Handler]
SERVER = "/servers/{server}"
IMAGE = "/images/{image}"
AGGREGATE = "/os-aggregates/{aggregate}"
HOST = "/os-hosts/{host}"
HYPERVISOR = "/os-hypervisors/{hypervisor}"
FLAVOR = "/flavors/{flavor}"
QUOTAS = "/os-quota-sets/{quota_project}"
_PROJECTS = ("", "/{project:[0-9a-f-]+}")


def _servers(flows: ApiFlows, path: str) -> list[Row]:
    """``path``: Nova has them at two."""
    servers, server = ServerHandlers(flows), f"{path}/{{server}}"
    return [
        ("POST", path, servers.create),
        ("GET", path, servers.list),
        ("GET", f"{path}/detail", servers.detail),
        ("GET", server, servers.show),
        ("PUT", server, servers.update),
        ("DELETE", server, servers.delete),
        ("POST", f"{server}/action", ServerActionHandlers(flows).action),
    ]


def _server_parts(flows: ApiFlows) -> list[Row]:
    servers, actions, ips = ServerHandlers(flows), InstanceActionHandlers(flows), ServerIpHandlers(flows)
    guest, consoles = GuestRequestHandlers(flows), ConsoleHandlers(flows)
    migrations = ServerMigrationHandlers(flows)
    return [
        ("GET", f"{SERVER}/ips", ips.list),
        ("GET", f"{SERVER}/ips/{{network}}", ips.show),
        ("GET", f"{SERVER}/os-instance-actions", actions.list),
        ("GET", f"{SERVER}/os-instance-actions/{{request}}", actions.show),
        ("GET", f"{SERVER}/os-server-password", servers.show_password),
        ("DELETE", f"{SERVER}/os-server-password", servers.clear_password),
        ("GET", f"{SERVER}/os-stackwire-guest", servers.show_guest),
        ("GET", f"{SERVER}/migrations", migrations.list),
        ("GET", f"{SERVER}/migrations/{{migration}}", migrations.show),
        ("DELETE", f"{SERVER}/migrations/{{migration}}", migrations.delete),
        ("POST", f"{SERVER}/migrations/{{migration}}/action", migrations.action),
        ("GET", f"{SERVER}/diagnostics", guest.diagnostics),
        ("GET", f"{SERVER}/topology", guest.topology),
        ("POST", f"{SERVER}/remote-consoles", consoles.create),
        ("GET", "/os-console-auth-tokens/{token}", consoles.show_token),
    ]


def _server_collections(flows: ApiFlows) -> list[Row]:
    metadata, tags, volumes = ServerMetadataHandlers(flows), ServerTagHandlers(flows), VolumeAttachmentHandlers(flows)
    return [
        ("GET", f"{SERVER}/metadata", metadata.list),
        ("POST", f"{SERVER}/metadata", metadata.update),
        ("PUT", f"{SERVER}/metadata", metadata.replace),
        ("GET", f"{SERVER}/metadata/{{key}}", metadata.show),
        ("PUT", f"{SERVER}/metadata/{{key}}", metadata.set),
        ("DELETE", f"{SERVER}/metadata/{{key}}", metadata.delete),
        ("GET", f"{SERVER}/tags", tags.list),
        ("PUT", f"{SERVER}/tags", tags.replace),
        ("DELETE", f"{SERVER}/tags", tags.delete_all),
        ("GET", f"{SERVER}/tags/{{tag}}", tags.check),
        ("PUT", f"{SERVER}/tags/{{tag}}", tags.add),
        ("DELETE", f"{SERVER}/tags/{{tag}}", tags.delete),
        ("GET", f"{SERVER}/os-volume_attachments", volumes.list),
        ("POST", f"{SERVER}/os-volume_attachments", volumes.create),
        ("GET", f"{SERVER}/os-volume_attachments/{{volume}}", volumes.show),
        ("PUT", f"{SERVER}/os-volume_attachments/{{volume}}", volumes.update),
        ("DELETE", f"{SERVER}/os-volume_attachments/{{volume}}", volumes.delete),
    ]


def _flavors(flows: ApiFlows) -> list[Row]:
    flavors, specs, access = FlavorHandlers(flows), FlavorExtraSpecHandlers(flows), FlavorAccessHandlers(flows)
    return [
        ("GET", "/flavors", flavors.list),
        ("POST", "/flavors", flavors.create),
        ("GET", "/flavors/detail", flavors.detail),
        ("GET", FLAVOR, flavors.show),
        ("PUT", FLAVOR, flavors.update),
        ("DELETE", FLAVOR, flavors.delete),
        ("POST", f"{FLAVOR}/action", access.action),
        ("GET", f"{FLAVOR}/os-flavor-access", access.list),
        ("GET", f"{FLAVOR}/os-extra_specs", specs.list),
        ("POST", f"{FLAVOR}/os-extra_specs", specs.update),
        ("GET", f"{FLAVOR}/os-extra_specs/{{key}}", specs.show),
        ("PUT", f"{FLAVOR}/os-extra_specs/{{key}}", specs.set),
        ("DELETE", f"{FLAVOR}/os-extra_specs/{{key}}", specs.delete),
    ]


def _projects_and_users(flows: ApiFlows) -> list[Row]:
    keypairs, quotas, classes = KeypairHandlers(flows), QuotaHandlers(flows), QuotaClassHandlers(flows)
    return [
        ("GET", "/os-keypairs", keypairs.list),
        ("POST", "/os-keypairs", keypairs.create),
        ("GET", "/os-keypairs/{name}", keypairs.show),
        ("DELETE", "/os-keypairs/{name}", keypairs.delete),
        ("GET", "/limits", LimitHandlers(flows).list),
        ("GET", QUOTAS, quotas.show),
        ("PUT", QUOTAS, quotas.update),
        ("DELETE", QUOTAS, quotas.delete),
        ("GET", f"{QUOTAS}/defaults", quotas.defaults),
        ("GET", f"{QUOTAS}/detail", quotas.detail),
        ("GET", "/os-quota-class-sets/{quota_class}", classes.show),
        ("PUT", "/os-quota-class-sets/{quota_class}", classes.update),
    ]


def _cloud(flows: ApiFlows) -> list[Row]:
    hosts, hypervisors, extensions = HostHandlers(flows), HypervisorHandlers(flows), ExtensionHandlers()
    machines, usage, audit = ComputeHostHandlers(flows), UsageHandlers(flows), UsageAuditHandlers(flows)
    return [
        ("GET", "/os-availability-zone", hosts.list_zones),
        ("GET", "/os-availability-zone/detail", hosts.detail_zones),
        ("GET", "/os-hypervisors", hypervisors.list),
        ("GET", "/os-hypervisors/detail", hypervisors.detail),
        ("GET", "/os-hypervisors/statistics", hypervisors.statistics),
        ("GET", HYPERVISOR, hypervisors.show),
        ("GET", f"{HYPERVISOR}/search", hypervisors.search),
        ("GET", f"{HYPERVISOR}/servers", hypervisors.servers),
        ("GET", f"{HYPERVISOR}/uptime", hypervisors.uptime),
        ("GET", "/os-hosts", machines.list),
        ("GET", HOST, machines.show),
        ("PUT", HOST, machines.update),
        *(("GET", f"{HOST}/{change}", machines.power) for change in ("startup", "shutdown", "reboot")),
        ("GET", "/os-migrations", MigrationHandlers(flows).list),
        ("GET", "/os-simple-tenant-usage", usage.list),
        ("GET", "/os-simple-tenant-usage/{usage_project}", usage.show),
        ("GET", "/os-instance_usage_audit_log", audit.list),
        ("GET", "/os-instance_usage_audit_log/{time}", audit.show),
        ("GET", "/extensions", extensions.list),
        ("GET", "/extensions/{alias}", extensions.show),
        ("POST", "/os-server-external-events", ExternalEventHandlers(flows).create),
    ]


def _placement(flows: ApiFlows) -> list[Row]:
    aggregates, groups, services = AggregateHandlers(flows), ServerGroupHandlers(flows), ServiceHandlers(flows)
    return [
        ("GET", "/os-aggregates", aggregates.list),
        ("POST", "/os-aggregates", aggregates.create),
        ("GET", AGGREGATE, aggregates.show),
        ("PUT", AGGREGATE, aggregates.update),
        ("DELETE", AGGREGATE, aggregates.delete),
        ("POST", f"{AGGREGATE}/action", aggregates.action),
        ("POST", f"{AGGREGATE}/images", aggregates.images),
        ("GET", "/os-server-groups", groups.list),
        ("POST", "/os-server-groups", groups.create),
        ("GET", "/os-server-groups/{group}", groups.show),
        ("DELETE", "/os-server-groups/{group}", groups.delete),
        ("GET", "/os-services", services.list),
        ("PUT", "/os-services/{service}", services.update),
        ("DELETE", "/os-services/{service}", services.delete),
    ]


def _proxies(flows: ApiFlows) -> list[Row]:
    images, metadata = ImageProxyHandlers(flows), ImageMetadataHandlers(flows)
    volumes, snapshots = VolumeProxyHandlers(flows), SnapshotProxyHandlers(flows)
    return [
        ("GET", "/images", images.list),
        ("GET", "/images/detail", images.detail),
        ("GET", IMAGE, images.show),
        ("DELETE", IMAGE, images.delete),
        ("GET", f"{IMAGE}/metadata", metadata.list),
        ("POST", f"{IMAGE}/metadata", metadata.update),
        ("PUT", f"{IMAGE}/metadata", metadata.replace),
        ("GET", f"{IMAGE}/metadata/{{key}}", metadata.show),
        ("PUT", f"{IMAGE}/metadata/{{key}}", metadata.set),
        ("DELETE", f"{IMAGE}/metadata/{{key}}", metadata.delete),
        ("GET", "/os-volumes", volumes.list),
        ("POST", "/os-volumes", volumes.create),
        ("GET", "/os-volumes/detail", volumes.list),
        ("GET", "/os-volumes/{volume}", volumes.show),
        ("DELETE", "/os-volumes/{volume}", volumes.delete),
        ("GET", "/os-snapshots", snapshots.list),
        ("POST", "/os-snapshots", snapshots.create),
        ("GET", "/os-snapshots/detail", snapshots.list),
        ("GET", "/os-snapshots/{snapshot}", snapshots.show),
        ("DELETE", "/os-snapshots/{snapshot}", snapshots.delete),
    ]


def routes(flows: ApiFlows, behaviours: Behaviours) -> list[Route]:
    """Order matters where a path could mean two things: /flavors/detail stands before /flavors/{flavor}."""
    rows = [
        *_servers(flows, "/servers"),
        *((method, path, _until(handler, (2, 102))) for method, path, handler in _servers(flows, "/os-volumes_boot")),
        *_server_parts(flows),
        *_server_collections(flows),
        *_flavors(flows),
        *_projects_and_users(flows),
        *_cloud(flows),
        *_placement(flows),
        *_proxies(flows),
        *refusals(NOT_SIMULATED, unpack),
    ]
    rows = [(method, path, checked(method, path, handler)) for method, path, handler in rows]
    versions = VersionHandlers(behaviours)
    rows += [("GET", "/", versions.show), ("GET", "/versions/{version}", versions.show)]
    return [
        Route("*", "/", versions.list, public=True, versioned=False),
        *(Route("*", path, versions.show, public=True) for path in ("/v2.1", "/v2.1/")),
        *(Route("*", path, _legacy(versions.show), public=True, versioned=False) for path in ("/v2", "/v2/")),
        *(Route(method, f"/v2.1{project}{path}", handler) for project in _PROJECTS for method, path, handler in rows),
        *(
            Route(method, f"/v2{project}{path}", _legacy(handler), versioned=False)
            for project in _PROJECTS
            for method, path, handler in rows
        ),
        Route("*", "/{version:v2|v2[.]1}/{rest:.*}", no_route, versioned=False),
        Route("*", "/{rest:.*}", versions.choices, public=True, versioned=False),
    ]


def _until(handler: Handler, version: tuple[int, int]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        require_version(request, (2, 1), version)
        return await handler(request)

    return handle


def _legacy(handler: Handler) -> Handler:
    """``nova/api/openstack/__init__.py: LegacyV2CompatibleWrapper``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        token = RELAXED.set(True)
        try:
            return await handler(request)
        finally:
            RELAXED.reset(token)

    return handle
