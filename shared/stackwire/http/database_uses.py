"""A service that shows what it does in its database for each request."""

from aiohttp import web

from stackwire.core.database_use import USES, DatabaseUse
from stackwire.http.middlewares import Handler

DATABASE_USES: web.RequestKey[list[DatabaseUse]] = web.RequestKey("database_uses", list)


@web.middleware
async def record_database_uses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps them with the request, for whoever emits it."""
    request[DATABASE_USES] = uses = []
    token = USES.set(uses)
    try:
        return await handler(request)
    finally:
        USES.reset(token)
