"""Who may ask glance-registry: services alone. The user that they ask for is named in headers.

Source: ``etc/glance-registry-paste.ini``, ``glance/api/middleware/context.py: ContextMiddleware.process_request``.
"""

from dataclasses import replace

from aiohttp import web

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unauthorized
from stackwire.http.auth import Authenticator


class ServiceAuthenticator:
    """401 for every token that is not a service's, an administrator's included."""

    def __init__(self, tokens: Authenticator) -> None:
        self._tokens = tokens

    async def authenticate(self, request: web.Request) -> RequestContext:
        ctx = await self._tokens.authenticate(request)
        if not ctx.has_role("service"):
            raise Unauthorized
        if request.headers.get("X-Identity-Status") != "Confirmed":
            return ctx
        roles = tuple(role.strip().lower() for role in request.headers.get("X-Roles", "").split(",") if role.strip())
        return replace(
            ctx,
            user_id=request.headers.get("X-User-Id") or None,
            user_name=None,
            project_id=request.headers.get("X-Tenant-Id") or None,
            project_name=None,
            roles=roles,
            is_admin="admin" in roles,
            system_scope=None,
        )
