"""The compute API, one line a call; every line also under the project's id, as older catalogues have it."""

from aiohttp import web

from stackwire.compute.http import (
    actions,
    cloud,
    flavors,
    hosts,
    keypairs,
    server_parts,
    servers,
    versions,
    volume_attachments,
)
from stackwire.compute.http.api import opened
from stackwire.core.errors import NotSimulated
from stackwire.http.app import Route
from stackwire.http.middlewares import Handler

SERVER = "/servers/{server}"
FLAVOR = "/flavors/{flavor}"
QUOTAS = "/os-quota-sets/{quota_project}"

TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/servers", servers.create),
    ("GET", "/servers", servers.index),
    ("GET", "/servers/detail", servers.detail),
    ("GET", SERVER, servers.show),
    ("PUT", SERVER, servers.update),
    ("DELETE", SERVER, servers.delete),
    ("POST", f"{SERVER}/action", actions.act),
    ("GET", f"{SERVER}/metadata", server_parts.list_metadata),
    ("POST", f"{SERVER}/metadata", server_parts.add_metadata),
    ("PUT", f"{SERVER}/metadata", server_parts.replace_metadata),
    ("GET", f"{SERVER}/metadata/{{key}}", server_parts.show_metadata),
    ("PUT", f"{SERVER}/metadata/{{key}}", server_parts.set_metadata),
    ("DELETE", f"{SERVER}/metadata/{{key}}", server_parts.delete_metadata),
    ("GET", f"{SERVER}/tags", server_parts.list_tags),
    ("PUT", f"{SERVER}/tags", server_parts.replace_tags),
    ("DELETE", f"{SERVER}/tags", server_parts.delete_tags),
    ("GET", f"{SERVER}/tags/{{tag}}", server_parts.has_tag),
    ("PUT", f"{SERVER}/tags/{{tag}}", server_parts.add_tag),
    ("DELETE", f"{SERVER}/tags/{{tag}}", server_parts.delete_tag),
    ("GET", f"{SERVER}/ips", server_parts.list_ips),
    ("GET", f"{SERVER}/ips/{{network}}", server_parts.show_ips),
    ("GET", f"{SERVER}/os-instance-actions", server_parts.list_actions),
    ("GET", f"{SERVER}/os-instance-actions/{{request}}", server_parts.show_action),
    ("GET", f"{SERVER}/os-stackwire-guest", server_parts.show_guest),
    ("GET", f"{SERVER}/os-volume_attachments", volume_attachments.index),
    ("POST", f"{SERVER}/os-volume_attachments", volume_attachments.create),
    ("GET", f"{SERVER}/os-volume_attachments/{{volume}}", volume_attachments.show),
    ("PUT", f"{SERVER}/os-volume_attachments/{{volume}}", volume_attachments.update),
    ("DELETE", f"{SERVER}/os-volume_attachments/{{volume}}", volume_attachments.delete),
    ("GET", "/flavors", flavors.index),
    ("POST", "/flavors", flavors.create),
    ("GET", "/flavors/detail", flavors.detail),
    ("GET", FLAVOR, flavors.show),
    ("PUT", FLAVOR, flavors.update),
    ("DELETE", FLAVOR, flavors.delete),
    ("POST", f"{FLAVOR}/action", flavors.change_access),
    ("GET", f"{FLAVOR}/os-flavor-access", flavors.list_access),
    ("GET", f"{FLAVOR}/os-extra_specs", flavors.list_specs),
    ("POST", f"{FLAVOR}/os-extra_specs", flavors.set_specs),
    ("GET", f"{FLAVOR}/os-extra_specs/{{key}}", flavors.show_spec),
    ("PUT", f"{FLAVOR}/os-extra_specs/{{key}}", flavors.set_spec),
    ("DELETE", f"{FLAVOR}/os-extra_specs/{{key}}", flavors.delete_spec),
    ("GET", "/os-keypairs", keypairs.index),
    ("POST", "/os-keypairs", keypairs.create),
    ("GET", "/os-keypairs/{name}", keypairs.show),
    ("DELETE", "/os-keypairs/{name}", keypairs.delete),
    ("GET", "/limits", cloud.limits),
    ("GET", QUOTAS, cloud.show_quotas),
    ("PUT", QUOTAS, cloud.set_quotas),
    ("DELETE", QUOTAS, cloud.reset_quotas),
    ("GET", f"{QUOTAS}/defaults", cloud.show_default_quotas),
    ("GET", f"{QUOTAS}/detail", cloud.show_quota_usage),
    ("GET", "/os-availability-zone", hosts.zones),
    ("GET", "/os-availability-zone/detail", hosts.zones_detail),
    ("GET", "/os-hypervisors", hosts.hypervisors),
    ("GET", "/os-hypervisors/detail", hosts.hypervisors_detail),
    ("GET", "/os-hypervisors/statistics", hosts.hypervisor_statistics),
    ("GET", "/os-hypervisors/{hypervisor}", hosts.show_hypervisor),
    ("GET", "/os-services", hosts.services),
    ("GET", "/os-aggregates", hosts.aggregates),
    ("GET", "/os-server-groups", hosts.server_groups),
    ("GET", "/extensions", cloud.extensions),
    ("GET", "/extensions/{alias}", cloud.show_extension),
    ("POST", "/os-server-external-events", cloud.external_events),
)

# what the original has and Stackwire does not simulate: said clearly, whatever the verb
REFUSED = (
    "/os-aggregates", "/os-simple-tenant-usage", "/os-server-groups", "/os-migrations", "/os-networks",
    "/os-tenant-networks", "/os-floating-ips", "/os-security-groups", "/os-hosts", "/os-agents", "/os-quota-class-sets",
    "/os-instance_usage_audit_log", "/os-assisted-volume-snapshots", "/os-baremetal-nodes", "/os-volumes",
    "/os-snapshots", "/images", "/os-console-auth-tokens", "/os-services", "/os-security-group-rules",
    "/os-security-group-default-rules", "/os-floating-ip-pools", "/os-hypervisors/{hypervisor}/uptime",
    "/os-hypervisors/{hypervisor}/search", "/os-hypervisors/{hypervisor}/servers",
)  # fmt: skip
REFUSED_PARTS = (
    "migrations", "os-interface", "os-security-groups", "os-server-password", "diagnostics", "remote-consoles",
    "shares", "topology", "os-virtual-interfaces",
)  # fmt: skip


async def _refuse(request: web.Request) -> web.Response:
    opened(request)
    raise NotSimulated(what=request.path.split("/", 2)[-1][:100])


def routes() -> list[Route]:
    """Order matters where a path could mean two things: /flavors/detail stands before /flavors/{flavor}."""
    table = [
        *TABLE,
        *(("*", path + rest, _refuse) for path in REFUSED for rest in ("", "/{rest:.*}")),
        *(("*", f"{SERVER}/{part}{rest}", _refuse) for part in REFUSED_PARTS for rest in ("", "/{rest:.*}")),
    ]
    prefixes = ("/v2.1", "/v2.1/{project:[0-9a-f]{32}|[0-9a-f-]{36}}")
    documents = [
        Route("GET", "/", versions.list_versions, public=True),
        Route("GET", "/v2.1", versions.show_version, public=True),
        Route("GET", "/v2.1/", versions.show_version, public=True),
    ]
    return documents + [Route(method, prefix + path, handler) for prefix in prefixes for method, path, handler in table]
