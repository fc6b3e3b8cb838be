"""``/servers/{id}/ips``."""

from aiohttp import web

from stackwire.compute.http.unpack import ApiHandlers, server_id, unpack
from stackwire.compute.http.views.servers import addresses
from stackwire.http.request import respond


class ServerIpHandlers(ApiHandlers):
    """``nova/api/openstack/compute/ips.py: IPsController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET``: by network."""
        ctx, _ = unpack(request)
        return respond(200, {"addresses": addresses(await self._flows.servers.list_addresses(ctx, server_id(request)))})

    async def show(self, request: web.Request) -> web.Response:
        """``GET .../{network}``"""
        ctx, _ = unpack(request)
        label = request.match_info["network"]
        return respond(200, addresses(await self._flows.servers.get_addresses(ctx, server_id(request), label)))
