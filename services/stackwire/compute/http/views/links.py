"""Links and times as the compute API writes them. ``nova/api/openstack/common.py: ViewBuilder``."""

from datetime import datetime

from aiohttp import web

from stackwire.http.paging import link, origin


def links(base: str, path: str, versioned: bool = True) -> list[dict[str, str]]:
    """``self`` and ``bookmark`` of a resource; ``base``: the scheme and host that the client used."""
    bookmark = {"rel": "bookmark", "href": f"{base}/{path}"}
    return [{"rel": "self", "href": f"{base}/v2.1/{path}"}, bookmark] if versioned else [bookmark]


def next_links(request: web.Request, path: str, *, limit: int, marker: str) -> list[dict[str, str]]:
    """The link to the page behind ``marker``, with the query of this one."""
    href = link(f"{origin(request)}{path}", list(request.query.items()), limit=limit, marker=marker)
    return [{"rel": "next", "href": href}]


def timestamp(moment: datetime) -> str:
    """Whole seconds, with the zone: ``2014-01-01T00:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def usage_timestamp(moment: datetime | None) -> str | None:
    """Microseconds, without a zone, as the API's former extensions write times."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
