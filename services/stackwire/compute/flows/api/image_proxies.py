"""Images as the compute API showed them up to 2.35, their properties as ``metadata`` up to 2.38.

Nothing is kept here: each request is one of the image service, with the caller's rights.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stackwire.compute.db import quotas
from stackwire.compute.domain.errors import ImageMetadataLimitExceeded, ImageMetadataNotFound
from stackwire.compute.domain.image_api import FILTER, texts
from stackwire.compute.domain.quotas import exceeds_metadata_items
from stackwire.compute.domain.travel_values import image_dict
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.image import ImageForbidden, ImageNotFound
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest

_FILTERS = {
    "name": "name",
    "status": "status",
    "server": f"{FILTER}instance_uuid",
    "type": f"{FILTER}image_type",
    "minRam": "min_ram",
    "minDisk": "min_disk",
}


class ImageProxies(ApiFlow):
    """``nova/api/openstack/compute/images.py``, ``image_metadata.py``. All methods: ImageNotFound."""

    @property
    def url(self) -> str:
        """The image service's address."""
        return self._deps.images.url

    async def list_page(
        self, ctx: RequestContext, query: Mapping[str, str], *, limit: int | None, marker: str | None
    ) -> list[dict[str, Any]]:
        """The images that fit, newest first, after the marker; BadRequest for what the image service refuses."""
        found = await self._deps.images.list_page(
            ctx, filters(query), _moment(query.get("changes-since")), limit=limit, marker=marker
        )
        return [image_dict(image.model_dump()) for image in found]

    async def get(self, ctx: RequestContext, image_id: str) -> dict[str, Any]:
        """The image, its structured properties as lists."""
        try:
            return image_dict((await self._deps.images.get(ctx, image_id)).model_dump())
        except ImageNotFound:
            raise ImageNotFound("Image not found.") from None

    async def delete(self, ctx: RequestContext, image_id: str) -> None:
        """Forbidden for another's image, and for a protected one."""
        try:
            await self._deps.images.delete(ctx, image_id)
        except ImageNotFound:
            raise ImageNotFound("Image not found.") from None
        except ImageForbidden:
            raise ImageForbidden("You are not allowed to delete the image.") from None

    async def get_property(self, ctx: RequestContext, image_id: str, key: str) -> Any:
        """ImageMetadataNotFound."""
        properties = (await self.get(ctx, image_id))["properties"]
        if key not in properties:
            raise ImageMetadataNotFound
        return properties[key]

    async def set_properties(
        self, ctx: RequestContext, image_id: str, properties: Mapping[str, str], *, replace: bool = False
    ) -> dict[str, Any]:
        """All properties afterwards; ``replace`` removes every one that is not given, whoever set it."""
        before = (await self.get(ctx, image_id))["properties"]
        return await self._save(ctx, image_id, dict(properties) if replace else {**before, **properties})

    async def delete_property(self, ctx: RequestContext, image_id: str, key: str) -> None:
        """ImageMetadataNotFound."""
        properties = (await self.get(ctx, image_id))["properties"]
        if key not in properties:
            raise ImageMetadataNotFound("Invalid metadata key")
        del properties[key]
        await self._save(ctx, image_id, properties, check=False)

    async def _save(
        self, ctx: RequestContext, image_id: str, properties: dict[str, Any], *, check: bool = True
    ) -> dict[str, Any]:
        if check:
            async with self._deps.database.read() as session:
                limits = await quotas.strictest(session, ctx)
            if exceeds_metadata_items(limits, len(properties)):
                raise ImageMetadataLimitExceeded
        await self._deps.images.replace_properties(ctx, image_id, texts(properties))
        return properties


def filters(query: Mapping[str, str]) -> dict[str, str]:
    """The filters of a query under the image service's names; what is none is ignored.

    Nova takes the letters of ``property-`` off the front of a property's name, not the word: a filter on ``os_type``
    asks for ``s_type``, which no image has (``nova/image/glance.py: _extract_query_params_v2``).
    """
    found = {}
    for param, value in query.items():
        if param not in _FILTERS and not param.startswith(FILTER):
            continue
        name = _FILTERS.get(param, param)
        if name == f"{FILTER}instance_uuid":
            value = value.rsplit("/", 1)[-1]
        found[re.sub(r"^[property-]+", FILTER, name) if name.startswith(FILTER) else name] = value
    return found | ({"status": found["status"].lower()} if "status" in found else {})


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"Invalid changes-since: {text[:100] if text else ''}") from None
