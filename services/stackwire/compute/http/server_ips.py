"""``/servers/{id}/ips``; and the guest as its host defined it."""

from aiohttp import web

from stackwire.compute.flows.registry import ApiFlows
from stackwire.compute.http.unpack import server_id, unpack
from stackwire.compute.http.views.servers import addresses
from stackwire.http.request import respond


class ServerIpHandlers:
    """``nova/api/openstack/compute/ips.py: IPsController``."""

    def __init__(self, flows: ApiFlows) -> None:
        self._servers = flows.servers

    async def list(self, request: web.Request) -> web.Response:
        """``GET``: by network."""
        ctx, _ = unpack(request)
        return respond(200, {"addresses": addresses(await self._servers.list_addresses(ctx, server_id(request)))})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{network}``"""
        ctx, _ = unpack(request)
        label = request.match_info["network"]
        return respond(200, addresses(await self._servers.get_addresses(ctx, server_id(request), label)))


class GuestHandlers:
    """Stackwire's own, for administrators."""

    def __init__(self, flows: ApiFlows) -> None:
        self._servers = flows.servers

    async def show(self, request: web.Request) -> web.Response:
        """``GET /servers/{id}/os-stackwire-guest``: the libvirt domain XML."""
        ctx, _ = unpack(request)
        xml = await self._servers.get_guest_xml(ctx, server_id(request))
        return respond(200, {"guest": {"instance_uuid": server_id(request), "domain_xml": xml}})
