"""What an admin port beside services that are processes of their own cannot do, said in its own form."""

from aiohttp import web

from stackwire.cloud.admin.route import AdminRoute
from stackwire.core.errors import NotSimulated


class OneProcessOnly(NotSimulated):
    """/{what} is of a cloud in one process (stackwire up): processes of their own have faults and health only."""


async def refuse(request: web.Request) -> web.Response:
    """501."""
    raise OneProcessOnly(what=request.match_info["what"])


def refusal_route() -> AdminRoute:
    """Clock, pace, messages and states are objects in the memory of one process; the document has none of this."""
    path = "/{what:(?:clock|pace|bus|states|reset|seed|settle)(?:/.*)?}"
    return AdminRoute(method="*", path=path, handler=refuse, tag="document", summary="Not of processes of their own")
