"""The stores there are, and an image's removal from one of them."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.image.flows.api.store_removal import StoreRemoval
from stackwire.image.flows.api.stores import StoreQueries
from stackwire.image.http.bodies import check_no_body, no_content
from stackwire.image.http.views import store_details_view, store_view


class StoreHandlers:
    """Source: ``glance/api/v2/discovery.py: InfoController``; ``images.py: ImagesController.delete_from_store``."""

    def __init__(self, stores: StoreQueries, places: StoreRemoval) -> None:
        self._stores = stores
        self._places = places

    async def index(self, request: web.Request) -> web.Response:
        return respond(200, {"stores": [store_view(store) for store in self._stores.list_all()]})

    async def detail(self, request: web.Request) -> web.Response:
        stores = self._stores.list_details(request[CONTEXT])
        return respond(200, {"stores": [store_details_view(store) for store in stores]})

    async def remove_image(self, request: web.Request) -> web.Response:
        check_no_body(request)
        await self._places.remove_from_store(
            request[CONTEXT], request.match_info["image_id"], request.match_info["store"]
        )
        return no_content()
