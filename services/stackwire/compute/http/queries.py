"""Which parameters of the query each call knows, from the version on that refuses others.

``nova/api/openstack/compute/schemas``: ``additionalProperties`` of the queries' schemas. Calls whose parameters
depend on the version further check them themselves.
"""

from collections.abc import Mapping

from aiohttp import web

from stackwire.compute.http.unpack import check_query
from stackwire.http.middlewares import Handler

_LISTED = "hypervisor_hostname_pattern limit marker with_servers"
KNOWN: Mapping[str, tuple[tuple[int, int], str]] = {
    "/os-hypervisors": ((2, 53), _LISTED),
    "/os-hypervisors/detail": ((2, 53), _LISTED),
    "/os-hypervisors/{hypervisor}": ((2, 53), "with_servers"),
    "/os-keypairs": ((2, 75), "limit marker user_id"),
    "/os-keypairs/{name}": ((2, 75), "user_id"),
    "/limits": ((2, 75), "tenant_id"),
    "/os-simple-tenant-usage": ((2, 75), "detailed end limit marker start"),
    "/os-simple-tenant-usage/{usage_project}": ((2, 75), "end limit marker start"),
    "/servers/{server}/os-volume_attachments": ((2, 75), "limit offset"),
    **dict.fromkeys(
        (
            "/extensions",
            "/extensions/{alias}",
            "/flavors/{flavor}",
            "/flavors/{flavor}/os-extra_specs",
            "/flavors/{flavor}/os-extra_specs/{key}",
            "/flavors/{flavor}/os-flavor-access",
            "/os-availability-zone",
            "/os-availability-zone/detail",
            "/os-instance_usage_audit_log",
            "/os-instance_usage_audit_log/{time}",
            "/servers/{server}/ips",
            "/servers/{server}/ips/{network}",
            "/servers/{server}/metadata",
            "/servers/{server}/metadata/{key}",
            "/servers/{server}/os-instance-actions/{request}",
            "/servers/{server}/os-server-password",
        ),
        ((2, 102), ""),
    ),
}
"""By path; of ``GET``, and of ``DELETE`` of a key pair."""


def checked(method: str, path: str, handler: Handler) -> Handler:
    """The handler, after a look at the query."""
    known = KNOWN.get(path)
    if known is None or (method != "GET" and (method, path) != ("DELETE", "/os-keypairs/{name}")):
        return handler
    since, names = known

    async def handle(request: web.Request) -> web.StreamResponse:
        check_query(request, *names.split(), at=since)
        return await handler(request)

    return handle
