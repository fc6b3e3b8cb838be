"""An image's data over HTTP, streamed both ways."""

from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.http.request import CONTEXT
from stackwire.image.flows.api.data import DataTransfers
from stackwire.image.flows.api.downloads import Downloads
from stackwire.image.http.bodies import no_content
from stackwire.image.http.schemas import STORE_HEADER, read_upload_size
from stackwire.image.http.transfers import Transfers


class ImageDataHandlers:
    """``/file`` and ``/stage`` of an image. Source: ``glance/api/v2/image_data.py: ImageDataController``."""

    def __init__(self, data: DataTransfers, downloads: Downloads, transfers: Transfers) -> None:
        self._data = data
        self._downloads = downloads
        self._transfers = transfers

    async def upload(self, request: web.Request) -> web.Response:
        size, store = read_upload_size(request), request.headers.get(STORE_HEADER)
        image_id = request.match_info["image_id"]
        with self._transfers.receiving(request) as chunks:
            await self._data.upload(request[CONTEXT], image_id, chunks, size, store=store)
        return no_content()

    async def stage(self, request: web.Request) -> web.Response:
        size = read_upload_size(request)
        if STORE_HEADER in request.headers:
            raise BadRequest("Where the data goes is said when it is imported.")
        image_id = request.match_info["image_id"]
        with self._transfers.receiving(request) as chunks:
            await self._data.stage(request[CONTEXT], image_id, chunks, size)
        return no_content()

    async def download(self, request: web.Request) -> web.StreamResponse:
        image = await self._downloads.get(request[CONTEXT], request.match_info["image_id"])
        if not image.has_data or image.size is None:
            return no_content()
        return await self._transfers.send(request, image)
