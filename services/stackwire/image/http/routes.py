"""The image API on a page: what is served, and what a real Glance serves that is not simulated."""

from collections.abc import Sequence

from stackwire.http.app import Route
from stackwire.image.http import info
from stackwire.image.http.cache import CacheHandlers
from stackwire.image.http.image_data import DataHandlers
from stackwire.image.http.images import ImageHandlers, of_one
from stackwire.image.http.imports import ImportHandlers
from stackwire.image.http.locations import LocationHandlers
from stackwire.image.http.members import MemberHandlers
from stackwire.image.http.metadef_items import ItemHandlers
from stackwire.image.http.metadef_namespaces import NamespaceHandlers
from stackwire.image.http.metadef_routes import metadef_routes
from stackwire.image.http.stores import StoreHandlers
from stackwire.image.http.tasks import TaskHandlers
from stackwire.image.http.versions import VersionHandlers

IMAGE = "/v2/images/{image_id}"


def routes(
    images: ImageHandlers,
    data: DataHandlers,
    imports: ImportHandlers,
    members: MemberHandlers,
    tasks: TaskHandlers,
    versions: VersionHandlers,
    namespaces: NamespaceHandlers,
    items: ItemHandlers,
    usage: info.UsageHandlers,
    cache: CacheHandlers,
    locations: LocationHandlers,
    stores: StoreHandlers,
    v1: Sequence[Route] = (),
) -> list[Route]:
    """``v1``: the first API's, in the releases that had it."""
    served = [
        Route("GET", "/", versions.root, public=True),
        Route("GET", "/versions", versions.explicit, public=True),
        Route("*", "/v1{tail:/?}", versions.v1, public=True),
        *(v1 or [Route("*", "/v1/{rest:(?s:.+)}", versions.v1, public=True)]),
        Route("GET", "/v2/images", images.index),
        Route("POST", "/v2/images", images.create),
        Route("GET", IMAGE, images.show),
        Route("PATCH", IMAGE, images.update),
        Route("DELETE", IMAGE, images.delete),
        Route("PUT", f"{IMAGE}/file", data.upload),
        Route("GET", f"{IMAGE}/file", data.download),
        Route("PUT", f"{IMAGE}/stage", data.stage),
        Route("POST", f"{IMAGE}/import", imports.start),
        Route("GET", f"{IMAGE}/tasks", imports.tasks),
        Route("GET", f"{IMAGE}/locations", locations.index),
        Route("POST", f"{IMAGE}/locations", locations.create),
        Route("PUT", f"{IMAGE}/tags/{{tag}}", images.add_tag),
        Route("DELETE", f"{IMAGE}/tags/{{tag}}", images.remove_tag),
        Route("POST", f"{IMAGE}/actions/deactivate", images.deactivate),
        Route("POST", f"{IMAGE}/actions/reactivate", images.reactivate),
        Route("GET", f"{IMAGE}/members", members.index),
        Route("POST", f"{IMAGE}/members", members.create),
        Route("GET", f"{IMAGE}/members/{{member}}", members.show),
        Route("PUT", f"{IMAGE}/members/{{member}}", members.update),
        Route("DELETE", f"{IMAGE}/members/{{member}}", members.delete),
        Route("GET", "/v2/tasks", tasks.index),
        Route("POST", "/v2/tasks", tasks.create),
        Route("GET", "/v2/tasks/{task_id}", tasks.show),
        Route("GET", "/v2/info/import", imports.methods),
        Route("GET", "/v2/info/stores", stores.index),
        Route("GET", "/v2/info/stores/detail", stores.detail),
        Route("DELETE", "/v2/stores/{store}/{image_id}", stores.leave),
        Route("GET", "/v2/info/usage", usage.show),
    ]
    schemas = [
        Route("GET", "/v2/schemas/metadefs/{name}", info.metadef_schema),
        Route("GET", "/v2/schemas/{name}", info.schema),
    ]
    return [of_one(route) for route in (*served, *metadef_routes(namespaces, items), *cache.routes(), *schemas)]
