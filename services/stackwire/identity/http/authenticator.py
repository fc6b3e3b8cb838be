"""Identity verifies its callers' tokens against its own tables, so that a revocation takes effect at once."""

from aiohttp import web

from stackwire.core.context import RequestContext
from stackwire.core.errors import Unauthorized
from stackwire.http.auth import check_access_rules, context_of, token_of
from stackwire.identity.flows.api.tokens import Tokens


class OwnAuthenticator:
    """See http/auth.py: Authenticator."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def authenticate(self, request: web.Request) -> RequestContext:
        """The context of the caller; Unauthorized without a valid token."""
        token = token_of(request, "X-Auth-Token")
        if token is None:
            raise Unauthorized
        claims = await self._tokens.verify_token(token)
        if not (request.method == "GET" and request.path == "/v3/auth/tokens"):  # which every token may
            check_access_rules(request, claims, None, ("identity",))
        return context_of(request, claims, token, None)
