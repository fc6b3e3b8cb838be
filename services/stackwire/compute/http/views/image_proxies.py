"""An image of the image service as the compute API showed it. ``nova/api/openstack/compute/views/images.py``."""

from collections.abc import Mapping
from typing import Any

from stackwire.compute.http.views.links import links

_STATUSES = {
    "active": "ACTIVE",
    "queued": "SAVING",
    "saving": "SAVING",
    "deleted": "DELETED",
    "pending_delete": "DELETED",
    "killed": "ERROR",
}
_PROGRESS = {"queued": 25, "saving": 50, "active": 100}
_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})


class ImageView:
    """``base``: the scheme and host that the client used; ``image_url``: the image service's address."""

    def __init__(self, base: str, image_url: str) -> None:
        self._base, self._image_url = base, image_url

    def brief(self, image: Mapping[str, Any]) -> dict[str, Any]:
        """An entry of the short list."""
        alternate = {
            "rel": "alternate",
            "type": "application/vnd.openstack.image",
            "href": f"{self._image_url}/images/{image['id']}",
        }
        return {
            "id": image["id"],
            "name": image["name"],
            "links": [*links(self._base, f"images/{image['id']}"), alternate],
        }

    def show(self, image: Mapping[str, Any]) -> dict[str, Any]:
        """The whole, the properties as ``metadata``; ``server`` where one of them names it."""
        properties = image["properties"]
        view = self.brief(image) | {
            "minRam": image["min_ram"],
            "minDisk": image["min_disk"],
            "metadata": properties,
            "created": image["created_at"],
            "updated": image["updated_at"],
            "status": _STATUSES.get(image["status"], "UNKNOWN"),
            "progress": _PROGRESS.get(image["status"], 0),
            "OS-EXT-IMG-SIZE:size": image["size"] or 0,
        }
        server, disk_config = properties.get("instance_uuid"), properties.get("auto_disk_config")
        if server is not None:
            view["server"] = {"id": server, "links": links(self._base, f"servers/{server}")}
        if disk_config is not None:
            view["OS-DCF:diskConfig"] = "AUTO" if str(disk_config).strip().lower() in _TRUE else "MANUAL"
        return view
