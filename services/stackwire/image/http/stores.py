"""The stores there are, as clients see them."""

from typing import Any

from aiohttp import web

from stackwire.core.policy import Policy
from stackwire.http.request import CONTEXT, respond
from stackwire.image.backends.stores import Stores
from stackwire.image.domain.errors import ImageForbidden
from stackwire.image.flows.api.store_removal import Places
from stackwire.image.http.images import check_no_body, no_content


class StoreHandlers:
    def __init__(self, stores: Stores, policy: Policy, places: Places) -> None:
        self._stores = stores
        self._policy = policy
        self._places = places

    async def index(self, request: web.Request) -> web.Response:
        return respond(200, {"stores": [self._view(name) for name in self._stores.enabled]})

    async def detail(self, request: web.Request) -> web.Response:
        """With what the operator set: for administrators (``glance/api/v2/discovery.py: get_stores_detail``)."""
        ctx = request[CONTEXT]
        self._policy.require(ctx, "stores_info_detail", {"project_id": ctx.project_id or ""}, ImageForbidden)
        details = [
            {
                **self._view(name),
                "type": self._stores.kind(name),
                "weight": 0,
                "properties": self._stores.properties(name),
            }
            for name in self._stores.enabled
        ]
        return respond(200, {"stores": details})

    async def leave(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._places.leave(request[CONTEXT], request.match_info["image_id"], request.match_info["store"])
        return no_content()

    def _view(self, name: str) -> dict[str, Any]:
        """``default`` and ``read-only`` are texts, and only where they are true."""
        view = {"id": name, "default": "true"} if name == self._stores.default else {"id": name}
        return view if name in self._stores.writable else {**view, "read-only": "true"}
