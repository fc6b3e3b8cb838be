"""The middlewares around every handler; app.py has their order."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiohttp import web
from aiohttp.typedefs import Middleware

from stackwire.core.context import CURRENT
from stackwire.core.errors import BadRequest, NotAllowed, NotFound, ServiceError, TooLarge, UnsupportedMedia
from stackwire.http.auth import Authenticator, anonymous
from stackwire.http.microversions import VersionNotSupported, VersionRange
from stackwire.http.request import CONTEXT, LAST_ON_CONNECTION, VERSION, check_text

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


log = logging.getLogger("stackwire.http")


class ErrorShape(Protocol):
    """Renders an error in the shape of one API, from its status, title and message."""

    def __call__(self, request: web.Request, error: ServiceError) -> web.Response: ...


class NoRoute(NotFound):
    """The resource could not be found."""


class Unexpected(ServiceError):
    """The server has either erred or is incapable of performing the requested operation."""


def errors(shape: ErrorShape) -> Middleware:
    """Turns every error into the API's own body; an unexpected error is logged, and answered without its details."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ServiceError as error:
            if error.status >= 500:
                log.warning("%s %s: %s", request.method, request.path, error.message)
            return _answer(shape, request, error)
        except web.HTTPException as refused:
            if refused.status < 400:
                raise
            return _answer(shape, request, _translated(request, refused), refused.headers)
        except web.RequestPayloadError as broken:
            unreadable = BadRequest("The request body could not be read.")
            unreadable.__cause__ = broken
            return _answer(shape, request, unreadable)
        except ConnectionResetError:
            raise  # the client has disconnected; nothing can be sent
        except Exception as error:
            if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
                raise  # the same, while the response was being written
            log.exception("%s %s failed", request.method, request.path)
            return _answer(shape, request, Unexpected())

    return middleware


def _answer(
    shape: ErrorShape, request: web.Request, error: ServiceError, extra: Mapping[str, str] | None = None
) -> web.Response:
    response = shape(request, error)
    if extra is not None and "Allow" in extra:
        response.headers["Allow"] = extra["Allow"]
    if isinstance(error.__cause__, (web.RequestPayloadError, TimeoutError)):
        response.force_close()  # the unread body cannot be told from the next request
    return response


_TRANSLATIONS: dict[int, type[ServiceError]] = {404: NoRoute, 405: NotAllowed, 413: TooLarge, 415: UnsupportedMedia}


def _translated(request: web.Request, refused: web.HTTPException) -> ServiceError:
    family = _TRANSLATIONS.get(refused.status, BadRequest if refused.status < 500 else ServiceError)
    return family(method=request.method) if family is NotAllowed else family()


def authenticate(authenticator: Authenticator, *, guards_unknown: bool) -> Middleware:
    """Sets the context of the request, or answers 401. Public routes get a context without a user.

    ``guards_unknown``: whether what no route answers is said to those with a token only.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        CURRENT.set(None)
        _check_target(request)
        unknown = request.match_info.http_exception is not None and not guards_unknown
        if request.match_info.handler in request.app[PUBLIC_HANDLERS] or unknown:
            request[CONTEXT] = anonymous(request)
        else:
            request[CONTEXT] = await authenticator.authenticate(request)
        CURRENT.set(request[CONTEXT])
        return await handler(request)

    return middleware


PUBLIC_HANDLERS: web.AppKey[frozenset[object]] = web.AppKey("public_handlers", frozenset)
INNERMOST: web.AppKey[Any] = web.AppKey("innermost", object)
"""The last of the middlewares that every API has: inside it a request has its context and its errors' form."""
UNVERSIONED_HANDLERS: web.AppKey[frozenset[object]] = web.AppKey("unversioned_handlers", frozenset)


def _check_target(request: web.Request) -> None:
    """Refuses what cannot be stored or echoed: NUL and undecodable bytes in the path, the query or a header."""
    try:
        check_text(request.path)
        for name, value in request.query.items():
            check_text(name)
            check_text(value)
    except BadRequest:
        if "\x00" in request.path:
            raise NotFound from None
        raise
    for value in request.headers.values():
        check_text(value)


def add_headers(versions: VersionRange | None, id_headers: tuple[str, ...], identity_url: str) -> Middleware:
    """Adds the request id and the microversion to every response, and to 401 the address that gives tokens.

    Source of the last: ``keystonemiddleware/auth_token/__init__.py: www_authenticate_uri``.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if response.prepared:
            return response
        if LAST_ON_CONNECTION in request:
            response.force_close()
        if CONTEXT not in request:  # refused before authentication
            request[CONTEXT] = anonymous(request)
        response.headers.update(dict.fromkeys(id_headers, request[CONTEXT].request_id))
        if response.status == 401:
            response.headers["WWW-Authenticate"] = f'Keystone uri="{identity_url or f"{request.url.origin()}/v3"}"'
        version = request.get(VERSION)
        if versions is not None and version is not None and not _is_unversioned(request):
            response.headers.update(versions.headers(version))
        return response

    return middleware


def microversions(versions: VersionRange) -> Middleware:
    """Reads the requested version; an answer of 406 bears it too."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            request[VERSION] = versions.minimum if _is_unversioned(request) else versions.requested(request)
        except VersionNotSupported as refused:
            request[VERSION] = refused.version
            raise
        return await handler(request)

    return middleware


def _is_unversioned(request: web.Request) -> bool:
    return request.match_info.handler in request.app[UNVERSIONED_HANDLERS]
