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
    empty_response,
    header,
    json_body,
    json_response,
    query,
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
    200: Response(description="All the data.", content=_BYTES, headers=_DIGEST_HEADERS),
    204: Response(description="The image has no data."),
    206: Response(
        description="The part asked for.",
        content=_BYTES,
        headers=_DIGEST_HEADERS | {"Content-Range": "Which bytes they are"},
    ),
}
_PAGE: Final = {200: Response(description="As asked.", content={HTML: {"type": "string"}})}
_LOCATION: Final = {"Location": "Where it is now"}
UPLOAD: Final = (403, 404, 408, 409, 410, 413, 415)
WRITE: Final = (403, 404, 409, 413, 415)

VERSIONS: Final = {
    "GET /": Call(summary="The versions there are", responses=json_response("Versions", 300)),
    "GET /versions": Call(summary="The versions there are, as a plain answer", responses=json_response("Versions")),
    "* /v1": Call(summary="The versions there are: the v1 API went away", responses=json_response("Versions", 300)),
    "* /v1/{rest}": Call(
        summary="The versions there are: the v1 API went away", responses=json_response("Versions", 300)
    ),
    "GET /healthcheck": Call(
        summary="Whether the service can work",
        responses={
            200: Response(description="It can.", content={"text/plain": {"const": "OK"}}),
            503: Response(description="It cannot now.", content={"text/plain": {"const": "UNAVAILABLE"}}),
        },
    ),
}

IMAGES: Final = {
    "GET /v2/images": Call(summary="List images", responses=json_response("images"), parameters=_IMAGE_LIST),
    "POST /v2/images": Call(
        summary="Make an image, without data yet",
        responses=json_response(
            "image",
            201,
            "Made.",
            **_LOCATION,
            OpenStack_image_import_methods="How it may be imported",
            OpenStack_image_store_ids="The stores there are",
        ),
        errors=(403, 409, 413, 415),
        body=json_body("ImageWish"),
    ),
    f"GET {IMAGE}": Call(summary="Show an image", responses=json_response("image"), errors=(404,)),
    f"PATCH {IMAGE}": Call(
        summary="Change an image by a JSON patch, as Glance reads one",
        responses=json_response("image"),
        errors=WRITE,
        body={V21: schema("Patch21"), V20: schema("Patch20")},
    ),
    f"DELETE {IMAGE}": Call(summary="Delete an image", responses=empty_response(), errors=(403, 404, 409)),
    f"PUT {IMAGE}/file": Call(
        summary="Upload an image's data",
        responses=empty_response(),
        errors=UPLOAD,
        parameters=(_STORE, _SIZE),
        body=_BYTES,
    ),
    f"GET {IMAGE}/file": Call(
        summary="Download an image's data",
        responses=_DATA,
        errors=(403, 404, 416),
        parameters=(
            header("Range", "One range: bytes=0-99"),
            header("Content-Range", "The same, as Glance has always taken it too: bytes 0-99/*"),
        ),
    ),
    f"GET {IMAGE}/locations": Call(
        summary="Where an image's data is, for services", responses=json_response("Locations"), errors=(403, 404)
    ),
    f"POST {IMAGE}/locations": Call(
        summary="Say where a queued image's data is; a worker looks there",
        responses=empty_response(202),
        errors=(403, 404, 409, 413, 415),
        body=json_body("LocationWish"),
    ),
    f"PUT {IMAGE}/stage": Call(
        summary="Upload data to be imported",
        responses=empty_response(),
        errors=UPLOAD,
        parameters=(_SIZE,),
        body=_BYTES,
    ),
    f"POST {IMAGE}/import": Call(
        summary="Import an image's data",
        responses=empty_response(202, "Begun."),
        errors=WRITE,
        parameters=(_STORE,),
        body=json_body("ImportWish"),
    ),
    f"GET {IMAGE}/tasks": Call(
        summary="The tasks that work on an image", responses=json_response("ImageTasks"), errors=(404,)
    ),
    f"PUT {IMAGE}/tags/{{tag}}": Call(summary="Add a tag", responses=empty_response(), errors=(403, 404, 409, 413)),
    f"DELETE {IMAGE}/tags/{{tag}}": Call(summary="Remove a tag", responses=empty_response(), errors=(403, 404, 409)),
    f"POST {IMAGE}/actions/deactivate": Call(
        summary="Forbid downloads", responses=empty_response(), errors=(403, 404, 409)
    ),
    f"POST {IMAGE}/actions/reactivate": Call(
        summary="Allow downloads again", responses=empty_response(), errors=(403, 404, 409)
    ),
}

MEMBERS: Final = {
    f"GET {IMAGE}/members": Call(
        summary="Whom an image is shared with", responses=json_response("members"), errors=(403, 404)
    ),
    f"POST {IMAGE}/members": Call(
        summary="Share an image with a project",
        responses=json_response("member"),
        errors=WRITE,
        body=json_body("MemberWish"),
    ),
    f"GET {IMAGE}/members/{{member}}": Call(
        summary="Show a member", responses=json_response("member"), errors=(403, 404)
    ),
    f"PUT {IMAGE}/members/{{member}}": Call(
        summary="Say as a member what one thinks of it",
        responses=json_response("member"),
        errors=WRITE,
        body=json_body("MemberAnswer"),
    ),
    f"DELETE {IMAGE}/members/{{member}}": Call(
        summary="Share no longer", responses=empty_response(), errors=(403, 404)
    ),
}

TASKS: Final = {
    "GET /v2/tasks": Call(
        summary="List tasks", responses=json_response("tasks"), errors=(403, 404), parameters=_TASK_LIST
    ),
    "POST /v2/tasks": Call(
        summary="Ask for work; tasks of the type location_import are not simulated",
        responses=json_response("task", 201, "Asked for.", **_LOCATION),
        errors=(403, 404, 409, 413, 415),
        body=json_body("TaskWish"),
    ),
    "GET /v2/tasks/{task_id}": Call(summary="Show a task", responses=json_response("task"), errors=(403, 404)),
}

INFO: Final = {
    "GET /v2/info/import": Call(summary="How images may be imported", responses=json_response("ImportMethods")),
    "GET /v2/info/stores": Call(summary="The stores there are", responses=json_response("Stores")),
    "GET /v2/info/stores/detail": Call(
        summary="The stores there are, and what the operator set", responses=json_response("Stores"), errors=(403,)
    ),
    "DELETE /v2/stores/{store}/{image_id}": Call(
        summary="Take an image's data out of one store among several",
        responses=empty_response(),
        errors=(403, 404, 409),
    ),
    "GET /v2/info/usage": Call(summary="What the project has used of its limits", responses=json_response("Usage")),
    "GET /v2/schemas/{name}": Call(summary="A schema", responses=json_response("Schema"), errors=(404,)),
    "GET /v2/schemas/metadefs/{name}": Call(summary="A schema", responses=json_response("Schema"), errors=(404,)),
}

CACHE: Final = {
    "GET /v2/cache": Call(
        summary="What is in the cache, and what will be", responses=json_response("Cache"), errors=(403, 404)
    ),
    "DELETE /v2/cache": Call(
        summary="Empty the cache, its queue, or both",
        responses=empty_response(),
        errors=(403, 404),
        parameters=(header(CLEAR_TARGET, "cache, queue, or both", type="string", enum=["cache", "queue", ""]),),
    ),
    "POST /v2/cache/clean": Call(summary="Remove what is broken", responses=_PAGE, errors=(403, 404)),
    "POST /v2/cache/prune": Call(
        summary="Remove what is too much", responses=json_response("Pruned"), errors=(403, 404)
    ),
    "GET /v2/cache/nodes/{image_id}": Call(
        summary="The nodes that have an image in their cache", responses=json_response("CacheNodes"), errors=(403, 404)
    ),
    "PUT /v2/cache/{image_id}": Call(
        summary="Have an image put into the cache", responses=empty_response(202, "It will be."), errors=(403, 404)
    ),
    "DELETE /v2/cache/{image_id}": Call(summary="Take an image out", responses=empty_response(), errors=(403, 404)),
}

CALLS: Final = {**VERSIONS, **IMAGES, **MEMBERS, **TASKS, **INFO, **CACHE}
"""By method and path."""
