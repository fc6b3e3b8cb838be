"""How every list of the API is requested."""

from abc import ABC, abstractmethod

from aiohttp import web

from stackwire.http.paging import limit_of
from stackwire.http.request import CONTEXT, VERSION, flag
from stackwire.volume.domain.listable import Listable
from stackwire.volume.domain.listing import Listing, ListRequest, read
from stackwire.volume.flows.registry import ApiFlows


class ListHandlers(ABC):
    """Handlers of a resource that is listed with and without details. ``max_limit``: the most items of a page."""

    def __init__(self, flows: ApiFlows, max_limit: int) -> None:
        self._flows = flows
        self._max_limit = max_limit

    async def list(self, request: web.Request) -> web.Response:
        return await self._list(request, detail=False)

    async def detail(self, request: web.Request) -> web.Response:
        return await self._list(request, detail=True)

    def _listing(self, request: web.Request, listable: Listable) -> Listing:
        return read(listable, list_request(request, self._max_limit))

    @abstractmethod
    async def _list(self, request: web.Request, *, detail: bool) -> web.Response: ...


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
