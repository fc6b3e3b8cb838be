"""The image API on a page: what is served, and what a real Glance serves that is not simulated."""

from aiohttp import web

from stackwire.core.errors import NotSimulated
from stackwire.http.app import Route
from stackwire.http.middlewares import Handler
from stackwire.image.http import info
from stackwire.image.http.data import DataHandlers
from stackwire.image.http.images import ImageHandlers
from stackwire.image.http.members import MemberHandlers
from stackwire.image.http.versions import VersionHandlers

IMAGE = "/v2/images/{image_id}"

REFUSED = (
    ("GET POST", "/v2/tasks", "tasks"),
    ("GET", "/v2/tasks/{task_id}", "tasks"),
    ("GET", f"{IMAGE}/tasks", "tasks"),
    ("PUT", f"{IMAGE}/stage", "interoperable import"),
    ("POST", f"{IMAGE}/import", "interoperable import"),
    ("GET POST", f"{IMAGE}/locations", "image locations"),
    ("DELETE", "/v2/stores/{store}/{image_id}", "more than one store"),
    ("GET", "/v2/info/stores/detail", "the details of stores"),
    ("GET", "/v2/info/usage", "usage by unified limits"),
    ("GET DELETE", "/v2/cache", "the image cache"),
    ("PUT DELETE", "/v2/cache/{image_id}", "the image cache"),
    ("GET", "/v2/cache/nodes/{image_id}", "the image cache"),
    ("POST", "/v2/cache/clean", "the image cache"),
    ("POST", "/v2/cache/prune", "the image cache"),
    ("GET", "/v2/schemas/task", "tasks"),
    ("GET", "/v2/schemas/tasks", "tasks"),
    ("GET", "/v2/schemas/metadefs/{name}", "metadata definitions"),
    ("*", "/v2/metadefs/{rest:.*}", "metadata definitions"),
)
"""Methods, path, what it would take."""


def routes(
    images: ImageHandlers, data: DataHandlers, members: MemberHandlers, versions: VersionHandlers
) -> list[Route]:
    served = [
        Route("GET", "/", versions.root, public=True),
        Route("GET", "/versions", versions.explicit, public=True),
        Route("*", "/v1{tail:/?}", versions.v1, public=True),
        Route("*", "/v1/{rest:.+}", versions.v1, public=True),
        Route("GET", "/v2/images", images.index),
        Route("POST", "/v2/images", images.create),
        Route("GET", IMAGE, images.show),
        Route("PATCH", IMAGE, images.update),
        Route("DELETE", IMAGE, images.delete),
        Route("PUT", f"{IMAGE}/file", data.upload),
        Route("GET", f"{IMAGE}/file", data.download),
        Route("PUT", f"{IMAGE}/tags/{{tag}}", images.add_tag),
        Route("DELETE", f"{IMAGE}/tags/{{tag}}", images.remove_tag),
        Route("POST", f"{IMAGE}/actions/deactivate", images.deactivate),
        Route("POST", f"{IMAGE}/actions/reactivate", images.reactivate),
        Route("GET", f"{IMAGE}/members", members.index),
        Route("POST", f"{IMAGE}/members", members.create),
        Route("GET", f"{IMAGE}/members/{{member}}", members.show),
        Route("PUT", f"{IMAGE}/members/{{member}}", members.update),
        Route("DELETE", f"{IMAGE}/members/{{member}}", members.delete),
        Route("GET", "/v2/info/import", info.import_methods),
        Route("GET", "/v2/info/stores", info.stores),
    ]
    refused = [Route(method, path, _refusing(what)) for methods, path, what in REFUSED for method in methods.split()]
    return [*served, *refused, Route("GET", "/v2/schemas/{name}", info.schema)]


def _refusing(what: str) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise NotSimulated(what=what)

    return refuse
