"""glance-registry's API: images and members as rows, for the image API alone.

Source: ``glance/registry/api/v1/__init__.py: init``.
"""

from typing import Any

from aiohttp import web

from stackwire.http.app import Route
from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain import registry
from stackwire.image.flows.api.members import Memberships
from stackwire.image.flows.api.registry_commands import RegistryCommands
from stackwire.image.flows.api.registry_images import RegistryImages
from stackwire.image.http.bodies import body_of, check_no_body
from stackwire.image.http.registry_rpc import RegistryRpcHandlers
from stackwire.image.http.schemas import check_v1_member, check_v1_project, read_v1_memberships

IMAGE = "/images/{image_id}"


class RegistryImageHandlers:
    """``/images``."""

    def __init__(self, images: RegistryImages) -> None:
        self._images = images

    async def index(self, request: web.Request) -> web.Response:
        found = await self._images.list_page(request[CONTEXT], list(request.query.items()))
        return respond(200, {"images": [registry.brief_dict(image) for image in found]})

    async def detail(self, request: web.Request) -> web.Response:
        found = await self._images.list_page(request[CONTEXT], list(request.query.items()))
        return respond(200, {"images": [registry.image_dict(image) for image in found]})

    async def show(self, request: web.Request) -> web.Response:
        image = await self._images.get(request[CONTEXT], _id(request))
        return respond(200, {"image": registry.image_dict(image)})

    async def create(self, request: web.Request) -> web.Response:
        image = await self._images.create(request[CONTEXT], await body_of(request))
        return respond(200, {"image": registry.image_dict(image)})

    async def update(self, request: web.Request) -> web.Response:
        """Nothing is purged unless the header is exactly ``true``."""
        purge = request.headers.get(registry.PURGE_HEADER, "false") == "true"
        change = registry.read_change(await body_of(request), purge=purge)
        changed = await self._images.update(request[CONTEXT], _id(request), change)
        body: dict[str, Any] = {"image": registry.image_dict(changed.image)}
        return respond(200, body if change.upload is None else {**body, "allowance": changed.allowance})

    async def delete(self, request: web.Request) -> web.Response:
        check_no_body(request)
        image = await self._images.delete(request[CONTEXT], _id(request))
        return respond(200, {"image": registry.image_dict(image)})


class RegistryMemberHandlers:
    """``/images/{image_id}/members`` and ``/shared-images``. Source: ``glance/registry/api/v1/members.py``."""

    def __init__(self, members: Memberships) -> None:
        self._members = members

    async def index(self, request: web.Request) -> web.Response:
        found = await self._members.list_for_image(request[CONTEXT], _id(request))
        return respond(200, {"members": [registry.member_dict(member) for member in found]})

    async def replace(self, request: web.Request) -> web.Response:
        await self._members.replace_all(request[CONTEXT], _id(request), read_v1_memberships(await body_of(request)))
        return web.Response(status=204)

    async def add(self, request: web.Request) -> web.Response:
        if request.body_exists and request.content_length != 0:
            check_v1_member(await body_of(request))
        await self._members.ensure(request[CONTEXT], _id(request), check_v1_project(request.match_info["member"]))
        return web.Response(status=204)

    async def remove(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._members.remove(request[CONTEXT], _id(request), request.match_info["member"])
        return web.Response(status=204)

    async def shared(self, request: web.Request) -> web.Response:
        found = await self._members.list_for_project(request[CONTEXT], request.match_info["member"])
        return respond(200, {"shared_images": [registry.member_dict(member) for member in found]})


def registry_routes(images: RegistryImages, members: Memberships, commands: RegistryCommands) -> list[Route]:
    """Every route. Source: ``glance/registry/api/v1/__init__.py``, ``glance/registry/api/v2/__init__.py``."""
    to, member = RegistryImageHandlers(images), RegistryMemberHandlers(members)
    return [
        Route("GET", "/", to.index),
        Route("GET", "/images", to.index),
        Route("POST", "/images", to.create),
        Route("GET", "/images/detail", to.detail),
        Route("GET", IMAGE, to.show),
        Route("PUT", IMAGE, to.update),
        Route("DELETE", IMAGE, to.delete),
        Route("GET", f"{IMAGE}/members", member.index),
        Route("PUT", f"{IMAGE}/members", member.replace),
        Route("PUT", f"{IMAGE}/members/{{member}}", member.add),
        Route("DELETE", f"{IMAGE}/members/{{member}}", member.remove),
        Route("GET", "/shared-images/{member}", member.shared),
        Route("POST", "/rpc", RegistryRpcHandlers(commands).call),
    ]


def _id(request: web.Request) -> str:
    """In lower case, as rows have it."""
    return request.match_info["image_id"].lower()
