"""The locations of an image's data, for services: one is added while the image is queued."""

from aiohttp import web

from stackwire.http.request import CONTEXT, respond
from stackwire.image.domain.locations import read_new_location
from stackwire.image.flows.api.locations import LocationRequests
from stackwire.image.http.bodies import body_of, check_no_body, empty


class LocationHandlers:
    """Source: ``glance/api/v2/images.py: ImagesController.add_location, get_locations``."""

    def __init__(self, locations: LocationRequests) -> None:
        self._locations = locations

    async def index(self, request: web.Request) -> web.Response:
        check_no_body(request)
        return respond(200, await self._locations.list_for_service(request[CONTEXT], request.match_info["image_id"]))

    async def create(self, request: web.Request) -> web.Response:
        location = read_new_location(await body_of(request))
        await self._locations.request_location_import(request[CONTEXT], request.match_info["image_id"], location)
        return empty(202)
