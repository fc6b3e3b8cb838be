"""The JSON schemas of the v2 API's resources, as clients fetch them."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from stackwire.core.errors import NotFound
from stackwire.http.request import respond
from stackwire.image.domain.metadefs_schemas import METADEF_SCHEMAS
from stackwire.image.domain.schemas import SCHEMAS


class SchemaHandlers:
    """``/v2/schemas``. Source: ``glance/api/v2/schemas.py``."""

    async def show(self, request: web.Request) -> web.Response:
        return _respond(SCHEMAS, request)

    async def show_metadef(self, request: web.Request) -> web.Response:
        return _respond(METADEF_SCHEMAS, request)


def _respond(schemas: Mapping[str, Any], request: web.Request) -> web.Response:
    found = schemas.get(request.match_info["name"])
    if found is None:
        raise NotFound
    return respond(200, found)
