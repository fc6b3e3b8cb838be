"""What the service tells about itself: schemas, import methods, stores."""

from typing import Any

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import respond
from stackwire.image.domain.events import STORE
from stackwire.image.domain.schemas import SCHEMAS
from stackwire.image.http.images import IMPORT_METHODS


async def schema(request: web.Request) -> web.Response:
    found = SCHEMAS.get(request.match_info["name"])
    if found is None:
        raise NotFound
    return respond(200, found)


async def import_methods(request: web.Request) -> web.Response:
    body: dict[str, Any] = {
        "import-methods": {
            "description": "Import methods available.",
            "type": "array",
            "value": IMPORT_METHODS.split(","),
        }
    }
    return respond(200, body)


async def stores(request: web.Request) -> web.Response:
    """One store, and it is the default."""
    return respond(200, {"stores": [{"id": STORE, "default": "true"}]})
