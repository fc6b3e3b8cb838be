"""How every list of the API is requested."""

from aiohttp import web

from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, VERSION, flag
from stackwire.volume.domain.listing import ListRequest


def list_request(request: web.Request, max_limit: int) -> ListRequest:
    """The query string with who sent it; BadRequest for a limit that is none."""
    ctx = request[CONTEXT]
    return ListRequest(
        pairs=list(request.query.items()),
        version=request[VERSION],
        project_id=ctx.project_id or "",
        is_admin=ctx.is_admin,
        limit=limit_of(request, max_limit),
    )


def wants_count(request: web.Request) -> bool:
    """``with_count``, from 3.45."""
    return request[VERSION] >= (3, 45) and flag(request.query.get("with_count", "false"), "with_count")
