"""Links and times as the compute API writes them. ``nova/api/openstack/common.py: ViewBuilder``."""

import re
from datetime import datetime

from aiohttp import web

from stackwire.http.paging import link, origin
from stackwire.http.request import RELAXED


def root_url(request: web.Request) -> str:
    """The API as the client addressed it: scheme and host, version, and the project where the path has one."""
    project = request.match_info.get("project")
    return "/".join([origin(request), "v2" if RELAXED.get() else "v2.1", *([project] if project else [])])


def links(base: str, path: str, versioned: bool = True) -> list[dict[str, str]]:
    """``self`` and ``bookmark`` of a resource; ``base``: its ``root_url``. Bookmarks have no version."""
    bookmark = {"rel": "bookmark", "href": f"{re.sub('/v2(?:[.]1)?', '', base, count=1)}/{path}"}
    return [{"rel": "self", "href": f"{base}/{path}"}, bookmark] if versioned else [bookmark]


def next_links(request: web.Request, path: str, *, limit: int, marker: str) -> list[dict[str, str]]:
    """The link to the page behind ``marker``, with the query of this one, in the order of the alphabet."""
    query = dict(sorted({**request.query, "limit": str(limit)}.items())) | {"marker": marker}
    href = link(f"{root_url(request)}/{path}", query)
    return [{"rel": "next", "href": href}]


def timestamp(moment: datetime) -> str:
    """Whole seconds, with the zone: ``2014-01-01T00:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def usage_timestamp(moment: datetime | None) -> str | None:
    """Microseconds, without a zone, as the API's former extensions write times."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
