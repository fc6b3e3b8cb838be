"""What the original serves and we do not: a table of its addresses, answered 501 with the name of the feature."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from aiohttp import web

from stackwire.core.errors import NotFound, NotSimulated, ServiceError
from stackwire.http.microversions import parse
from stackwire.http.middlewares import Handler
from stackwire.http.request import VERSION

Features = Mapping[str, Sequence[str]]
"""Feature to its paths, each with all below it and the microversions, from and to: ``/os-networks 2.1 2.35``.

Of what is ``REMOVED`` the original itself says so.
"""
REMOVED = "removed"


class Gone(ServiceError, status=410, title="Gone"):
    """This API is no longer available."""


def _nothing(request: web.Request) -> None:
    return None


def refusals(
    features: Features, check: Callable[[web.Request], object] = _nothing
) -> Iterator[tuple[str, str, Handler]]:
    """Routes for what no route before them serves: method, path, handler. ``check`` is asked first."""
    for feature, lines in features.items():
        for line in lines:
            path, *span = line.split()
            handler = _refusing(feature, span, check)
            yield from (("*", path + rest, handler) for rest in ("", "/{rest:.*}"))


def _refusing(feature: str, span: Sequence[str], check: Callable[[web.Request], object]) -> Handler:
    since, until = (parse(span[0]) if span else None), (parse(span[1]) if len(span) > 1 else None)

    async def refuse(request: web.Request) -> web.Response:
        check(request)
        version = request.get(VERSION)
        if version is not None and ((since and version < since) or (until and version > until)):
            raise NotFound
        raise Gone if feature == REMOVED else NotSimulated(what=feature)

    return refuse
