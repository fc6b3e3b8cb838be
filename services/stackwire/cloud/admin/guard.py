"""Who may use the admin port: whoever has its token, and names it by an address of this machine."""

import hmac
import os
import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from stackwire.core.errors import BadRequest, Unauthorized
from stackwire.http.hosts import is_own_host
from stackwire.http.middlewares import Handler

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="stackwire admin"'}


def new_token(path: Path) -> str:
    """A new token, in a file that only this user can read."""
    token = secrets.token_urlsafe(32)
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{token}\n")
    partial.replace(path)
    return token


def guard(token: str, host: str) -> Any:
    """A middleware: 400 for a Host that no client of this machine would name (a page's, by DNS rebinding), 401 without
    the token. ``host``: where the port listens."""
    names = {host.lower()}
    expected = token.encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_own_host(request.host, names):
            raise BadRequest("The Host header names no address of this machine.")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode("utf-8", "replace"), expected):
            raise Unauthorized("The admin port wants 'Authorization: Bearer TOKEN': the token is in its file.")
        return await handler(request)

    return check
