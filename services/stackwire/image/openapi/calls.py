"""The API's calls, except those of metadata definitions, which have a module of their own."""

from typing import Any, Final

from stackwire.image.domain import listing, task_requests
from stackwire.image.domain.patch import V20, V21
from stackwire.image.domain.states import MEMBER_STATUSES, TASK_STATUSES, VISIBILITIES
from stackwire.image.http.cache import CLEAR_TARGET
from stackwire.image.http.routes import IMAGE
from stackwire.image.openapi.call import (
    HTML,
    OCTETS,
    Call,
    Response,
    accepts,
    header,
    query,
    returns,
    returns_nothing,
    schema,
)

COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
LIMIT: Final = query("limit", "The most entries of a page", type="integer", minimum=0)
DIRECTIONS: Final = ["asc", "desc"]


def _many(name: str, description: str, **item: Any) -> dict[str, Any]:
    """A parameter that may be repeated."""
    return query(name, description, type="array", items={"type": "string", **item})


PAGES: Final = (LIMIT, query("marker", "The id of the last entry of the page before"))
_IMAGE_LIST: Final = (
    *PAGES,
    query("sort", "Keys with their directions: name:asc,size:desc"),
    _many("sort_key", "What to sort by; not with sort", enum=list(listing.SORT_KEYS)),
    _many("sort_dir", "One for all keys, or one for each; not with sort", enum=DIRECTIONS),
    query("visibility", "Who may see them", type="string", enum=[*VISIBILITIES, "all"]),
    query("os_hidden", "Those left out of other lists", type="boolean"),
    query("member_status", "What the caller said to those shared", type="string", enum=[*MEMBER_STATUSES, "all"]),
    query("protected", "Those that cannot be deleted", type="boolean"),
    _many("tag", "All of these tags"),
    *(query(name, "The value, or eq:value, or in:value,value") for name in listing.WORDS),
    *(query(name, "The value") for name in listing.EXACT),
    *(query(name, "The number", **COUNT) for name in listing.NUMBERS),
    *(query(f"{name}_min", "At least", **COUNT) for name in listing.NUMBERS),
    *(query(f"{name}_max", "At most", **COUNT) for name in listing.NUMBERS),
    *(query(name, f"ISO 8601, after {', '.join(listing.OPERATORS)} and a colon or alone") for name in listing.TIMES),
    query("properties", "Any other name: an image's property", type="object", additionalProperties={"type": "string"}),
)
_TASK_LIST: Final = (
    *PAGES,
    query("sort_key", "What to sort by", type="string", enum=list(task_requests.SORT_KEYS)),
    query("sort_dir", "In which direction", type="string", enum=DIRECTIONS),
    query("status", "In this state", type="string", enum=list(TASK_STATUSES)),
    query("type", "Of this kind", type="string", enum=list(task_requests.TYPES)),
    *(query(name, "The value") for name in task_requests.FILTERS if name not in ("status", "type")),
)
_BYTES: Final = {OCTETS: {"type": "string", "format": "binary"}}
_STORE: Final = header("x-image-meta-store", "The store the data goes to")
_SIZE: Final = header("x-openstack-image-size", "Bytes to come", type="integer", minimum=0, maximum=10**18 - 1)
_DIGEST_HEADERS: Final = {"Content-MD5": "MD5 of the whole data, in hex"}
_DATA: Final = {
    200: Response("All the data.", content=_BYTES, headers=_DIGEST_HEADERS),
    204: Response("The image has no data."),
    206: Response(
        description="The part asked for.",
        content=_BYTES,
        headers=_DIGEST_HEADERS | {"Content-Range": "Which bytes they are"},
    ),
}
_PAGE: Final = {200: Response("As asked.", content={HTML: {"type": "string"}})}
_LOCATION: Final = {"Location": "Where it is now"}
UPLOAD: Final = (403, 404, 408, 409, 410, 413, 415)
WRITE: Final = (403, 404, 409, 413, 415)

_TEXT: Final = {"type": "string"}
_HEALTH: Final[dict[str, dict[str, Any]]] = {
    "text/plain": _TEXT,
    "application/json": {"type": "object", "required": ["ready", "reasons"]},
}

VERSIONS: Final = {
    "* /": Call("The versions there are", returns("Versions", 300)),
    "* /versions": Call("The versions there are, as a plain answer", returns("Versions")),
    "* /v2": Call("A redirection to /v2/", {302: Response("There, where nothing is.")}),
    "* /v3/artifacts": Call("Artifacts as Glance had them once: they are not simulated", {}, errors=(501,)),
    "* /v0.1/artifacts": Call("Artifacts as Glare has them: they are not simulated", {}, errors=(501,)),
    "* /{rest}": Call("The versions there are, where the path begins with none of them", returns("Versions", 300)),
    "GET /healthcheck": Call(
        "Whether the service can work",
        responses={
            200: Response("It can.", content=_HEALTH),
            503: Response("It cannot now: each check that fails is named.", content=_HEALTH),
        },
    ),
    "GET /healthcheck/live": Call("Whether the process is alive", {200: Response("It is.", content=_HEALTH)}),
    "GET /metrics": Call("Its metrics, for Prometheus", {200: Response("All.", content={"text/plain": _TEXT})}),
}

IMAGES: Final = {
    "GET /v2/images": Call("List images", returns("images"), parameters=_IMAGE_LIST),
    "POST /v2/images": Call(
        "Make an image, without data yet",
        returns(
            "image",
            201,
            "Made.",
            **_LOCATION,
            OpenStack_image_import_methods="How it may be imported",
            OpenStack_image_store_ids="The stores there are",
        ),
        errors=(403, 409, 413, 415),
        body=accepts("ImageWish"),
    ),
    f"GET {IMAGE}": Call("Show an image", returns("image"), errors=(404,)),
    f"PATCH {IMAGE}": Call(
        "Change an image by a JSON patch, as Glance reads one",
        returns("image"),
        errors=WRITE,
        body={V21: schema("Patch21"), V20: schema("Patch20")},
    ),
    f"DELETE {IMAGE}": Call("Delete an image", returns_nothing(), errors=(403, 404, 409)),
    f"PUT {IMAGE}/file": Call(
        "Upload an image's data", returns_nothing(), errors=UPLOAD, parameters=(_STORE, _SIZE), body=_BYTES
    ),
    f"GET {IMAGE}/file": Call(
        "Download an image's data",
        _DATA,
        errors=(403, 404, 416),
        parameters=(
            header("Range", "One range: bytes=0-99"),
            header("Content-Range", "The same, as Glance has always taken it too: bytes 0-99/*"),
        ),
    ),
    f"GET {IMAGE}/locations": Call("Where an image's data is, for services", returns("Locations"), errors=(403, 404)),
    f"POST {IMAGE}/locations": Call(
        "Say where a queued image's data is; a worker looks there",
        returns_nothing(202),
        errors=(403, 404, 409, 413, 415),
        body=accepts("LocationWish"),
    ),
    f"PUT {IMAGE}/stage": Call(
        "Upload data to be imported", returns_nothing(), errors=UPLOAD, parameters=(_SIZE,), body=_BYTES
    ),
    f"POST {IMAGE}/import": Call(
        "Import an image's data",
        returns_nothing(202, "Begun."),
        errors=WRITE,
        parameters=(_STORE,),
        body=accepts("ImportWish"),
    ),
    f"GET {IMAGE}/tasks": Call("The tasks that work on an image", returns("ImageTasks"), errors=(404,)),
    f"PUT {IMAGE}/tags/{{tag}}": Call("Add a tag", returns_nothing(), errors=(403, 404, 409, 413)),
    f"DELETE {IMAGE}/tags/{{tag}}": Call("Remove a tag", returns_nothing(), errors=(403, 404, 409)),
    f"POST {IMAGE}/actions/deactivate": Call("Forbid downloads", returns_nothing(), errors=(403, 404, 409)),
    f"POST {IMAGE}/actions/reactivate": Call("Allow downloads again", returns_nothing(), errors=(403, 404, 409)),
}

MEMBERS: Final = {
    f"GET {IMAGE}/members": Call("Whom an image is shared with", returns("members"), errors=(403, 404)),
    f"POST {IMAGE}/members": Call(
        "Share an image with a project", returns("member"), errors=WRITE, body=accepts("MemberWish")
    ),
    f"GET {IMAGE}/members/{{member}}": Call("Show a member", returns("member"), errors=(403, 404)),
    f"PUT {IMAGE}/members/{{member}}": Call(
        "Say as a member what one thinks of it", returns("member"), errors=WRITE, body=accepts("MemberAnswer")
    ),
    f"DELETE {IMAGE}/members/{{member}}": Call("Share no longer", returns_nothing(), errors=(403, 404)),
}

TASKS: Final = {
    "GET /v2/tasks": Call("List tasks", returns("tasks"), errors=(403, 404), parameters=_TASK_LIST),
    "POST /v2/tasks": Call(
        "Ask for work; tasks of the type location_import are not simulated",
        returns("task", 201, "Asked for.", **_LOCATION),
        errors=(403, 404, 409, 413, 415),
        body=accepts("TaskWish"),
    ),
    "GET /v2/tasks/{task_id}": Call("Show a task", returns("task"), errors=(403, 404)),
}

INFO: Final = {
    "GET /v2/info/import": Call("How images may be imported", returns("ImportMethods")),
    "GET /v2/info/stores": Call("The stores there are", returns("Stores")),
    "GET /v2/info/stores/detail": Call(
        "The stores there are, and what the operator set", returns("Stores"), errors=(403,)
    ),
    "DELETE /v2/stores/{store}/{image_id}": Call(
        "Take an image's data out of one store among several", returns_nothing(), errors=(403, 404, 409)
    ),
    "GET /v2/info/usage": Call("What the project has used of its limits", returns("Usage")),
    "GET /v2/schemas/{name}": Call("A schema", returns("Schema"), errors=(404,)),
    "GET /v2/schemas/metadefs/{name}": Call("A schema", returns("Schema"), errors=(404,)),
}

CACHE: Final = {
    "GET /v2/cache": Call("What is in the cache, and what will be", returns("Cache"), errors=(403, 404)),
    "DELETE /v2/cache": Call(
        "Empty the cache, its queue, or both",
        returns_nothing(),
        errors=(403, 404),
        parameters=(header(CLEAR_TARGET, "cache, queue, or both", type="string", enum=["cache", "queue", ""]),),
    ),
    "POST /v2/cache/clean": Call("Remove what is broken", _PAGE, errors=(403, 404)),
    "POST /v2/cache/prune": Call("Remove what is too much", returns("Pruned"), errors=(403, 404)),
    "GET /v2/cache/nodes/{image_id}": Call(
        "The nodes that have an image in their cache", returns("CacheNodes"), errors=(403, 404)
    ),
    "PUT /v2/cache/{image_id}": Call(
        "Have an image put into the cache", returns_nothing(202, "It will be."), errors=(403, 404)
    ),
    "DELETE /v2/cache/{image_id}": Call("Take an image out", returns_nothing(), errors=(403, 404)),
}

CALLS: Final = {**VERSIONS, **IMAGES, **MEMBERS, **TASKS, **INFO, **CACHE}
"""By method and path."""
