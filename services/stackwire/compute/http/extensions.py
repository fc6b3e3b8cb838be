"""``/extensions``: the names that parts of the API had when it still consisted of extensions."""

from typing import Any

from aiohttp import web

from stackwire.compute.domain.names import names
from stackwire.compute.http.unpack import unpack
from stackwire.core.errors import NotFound
from stackwire.http.request import respond

_ALIASES = names(
    "os-availability-zone os-create-server-ext os-extended-volumes os-flavor-access os-flavor-extra-specs "
    "os-hypervisors os-instance-actions os-keypairs os-quota-sets os-server-external-events os-services "
    "os-volumes servers flavors versions"
)


class ExtensionHandlers:
    """``nova/api/openstack/compute/extension_info.py: ExtensionInfoController``."""

    async def list(self, request: web.Request) -> web.Response:
        """``GET /extensions``"""
        unpack(request)
        return respond(200, {"extensions": [_view(alias) for alias in _ALIASES]})

    async def show(self, request: web.Request) -> web.Response:
        """``GET /extensions/{alias}``"""
        unpack(request)
        alias = request.match_info["alias"]
        if alias not in _ALIASES:
            raise NotFound
        return respond(200, {"extension": _view(alias)})


def _view(alias: str) -> dict[str, Any]:
    return {
        "alias": alias,
        "name": "".join(part.capitalize() for part in alias.removeprefix("os-").split("-")),
        "description": "",
        "links": [],
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
    }
