"""What is said of each call but those of metadata definitions, which have a page of their own."""

from typing import Any, Final

from stackwire.image.domain import listing, task_requests
from stackwire.image.domain.patch import V20, V21
from stackwire.image.domain.states import MEMBER_STATUSES, TASK, VISIBILITIES
from stackwire.image.http.cache import CLEAR_TARGET
from stackwire.image.http.routes import IMAGE
from stackwire.image.openapi.call import HTML, OCTETS, Answer, Call, done, header, query, schema, sent, told

COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
LIMIT: Final = query("limit", "The most entries of a page", type="integer", minimum=0)
DIRECTIONS: Final = ["asc", "desc"]


def _many(name: str, says: str, **item: Any) -> dict[str, Any]:
    """May be said more than once."""
    return query(name, says, type="array", items={"type": "string", **item})


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
    query("status", "In this state", type="string", enum=list(TASK.moves)),
    query("type", "Of this kind", type="string", enum=list(task_requests.TYPES)),
    *(query(name, "The value") for name in task_requests.FILTERS if name not in ("status", "type")),
)
_BYTES: Final = {OCTETS: {"type": "string", "format": "binary"}}
_STORE: Final = header("x-image-meta-store", "The store the data goes to")
_SIZE: Final = header("x-openstack-image-size", "Bytes to come", type="integer", minimum=0, maximum=10**18 - 1)
_SENT: Final = {"Content-MD5": "MD5 of the whole data, in hex"}
_DATA: Final = {
    200: Answer(says="All the data.", content=_BYTES, headers=_SENT),
    204: Answer(says="The image has no data."),
    206: Answer(says="The part asked for.", content=_BYTES, headers=_SENT | {"Content-Range": "Which bytes they are"}),
}
_PAGE: Final = {200: Answer(says="As asked.", content={HTML: {"type": "string"}})}
_MADE: Final = {"Location": "Where it is now"}
UPLOAD: Final = (403, 404, 408, 409, 410, 413, 415)
WRITE: Final = (403, 404, 409, 413, 415)

VERSIONS: Final = {
    "GET /": Call(says="The versions there are", answers=told("Versions", 300)),
    "GET /versions": Call(says="The versions there are, as a plain answer", answers=told("Versions")),
    "* /v1": Call(says="The versions there are: the v1 API went away", answers=told("Versions", 300)),
    "* /v1/{rest}": Call(says="The versions there are: the v1 API went away", answers=told("Versions", 300)),
    "GET /healthcheck": Call(
        says="Whether the service can work",
        answers={
            200: Answer(says="It can.", content={"text/plain": {"const": "OK"}}),
            503: Answer(says="It cannot now.", content={"text/plain": {"const": "UNAVAILABLE"}}),
        },
    ),
}

IMAGES: Final = {
    "GET /v2/images": Call(says="List images", answers=told("images"), parameters=_IMAGE_LIST),
    "POST /v2/images": Call(
        says="Make an image, without data yet",
        answers=told(
            "image", 201, "Made.", **_MADE,
            OpenStack_image_import_methods="How it may be imported", OpenStack_image_store_ids="The stores there are",
        ),
        refusals=(403, 409, 413, 415),
        body=sent("ImageWish"),
    ),
    f"GET {IMAGE}": Call(says="Show an image", answers=told("image"), refusals=(404,)),
    f"PATCH {IMAGE}": Call(
        says="Change an image by a JSON patch, as Glance reads one",
        answers=told("image"),
        refusals=WRITE,
        body={V21: schema("Patch21"), V20: schema("Patch20")},
    ),
    f"DELETE {IMAGE}": Call(says="Delete an image", answers=done(), refusals=(403, 404, 409)),
    f"PUT {IMAGE}/file": Call(
        says="Upload an image's data", answers=done(), refusals=UPLOAD, parameters=(_STORE, _SIZE), body=_BYTES
    ),
    f"GET {IMAGE}/file": Call(
        says="Download an image's data",
        answers=_DATA,
        refusals=(403, 404, 416),
        parameters=(
            header("Range", "One range: bytes=0-99"),
            header("Content-Range", "The same, as Glance has always taken it too: bytes 0-99/*"),
        ),
    ),
    f"GET {IMAGE}/locations": Call(
        says="Where an image's data is, for services", answers=told("Locations"), refusals=(403, 404)
    ),
    f"POST {IMAGE}/locations": Call(
        says="Say where a queued image's data is; a worker looks there",
        answers=done(202),
        refusals=(403, 404, 409, 413, 415),
        body=sent("LocationWish"),
    ),
    f"PUT {IMAGE}/stage": Call(
        says="Upload data to be imported", answers=done(), refusals=UPLOAD, parameters=(_SIZE,), body=_BYTES
    ),
    f"POST {IMAGE}/import": Call(
        says="Import an image's data",
        answers=done(202, "Begun."),
        refusals=WRITE,
        parameters=(_STORE,),
        body=sent("ImportWish"),
    ),
    f"GET {IMAGE}/tasks": Call(says="The tasks that work on an image", answers=told("ImageTasks"), refusals=(404,)),
    f"PUT {IMAGE}/tags/{{tag}}": Call(says="Add a tag", answers=done(), refusals=(403, 404, 409, 413)),
    f"DELETE {IMAGE}/tags/{{tag}}": Call(says="Remove a tag", answers=done(), refusals=(403, 404, 409)),
    f"POST {IMAGE}/actions/deactivate": Call(says="Forbid downloads", answers=done(), refusals=(403, 404, 409)),
    f"POST {IMAGE}/actions/reactivate": Call(says="Allow downloads again", answers=done(), refusals=(403, 404, 409)),
}  # fmt: skip

MEMBERS: Final = {
    f"GET {IMAGE}/members": Call(says="Whom an image is shared with", answers=told("members"), refusals=(403, 404)),
    f"POST {IMAGE}/members": Call(
        says="Share an image with a project", answers=told("member"), refusals=WRITE, body=sent("MemberWish")
    ),
    f"GET {IMAGE}/members/{{member}}": Call(says="Show a member", answers=told("member"), refusals=(403, 404)),
    f"PUT {IMAGE}/members/{{member}}": Call(
        says="Say as a member what one thinks of it", answers=told("member"), refusals=WRITE, body=sent("MemberAnswer")
    ),
    f"DELETE {IMAGE}/members/{{member}}": Call(says="Share no longer", answers=done(), refusals=(403, 404)),
}

TASKS: Final = {
    "GET /v2/tasks": Call(says="List tasks", answers=told("tasks"), refusals=(403, 404), parameters=_TASK_LIST),
    "POST /v2/tasks": Call(
        says="Ask for work; tasks of the type location_import are not simulated",
        answers=told("task", 201, "Asked for.", **_MADE),
        refusals=(403, 404, 409, 413, 415),
        body=sent("TaskWish"),
    ),
    "GET /v2/tasks/{task_id}": Call(says="Show a task", answers=told("task"), refusals=(403, 404)),
}

INFO: Final = {
    "GET /v2/info/import": Call(says="How images may be imported", answers=told("ImportMethods")),
    "GET /v2/info/stores": Call(says="The stores there are", answers=told("Stores")),
    "GET /v2/info/stores/detail": Call(
        says="The stores there are, and what the operator set", answers=told("Stores"), refusals=(403,)
    ),
    "DELETE /v2/stores/{store}/{image_id}": Call(
        says="Take an image's data out of one store among several", answers=done(), refusals=(403, 404, 409)
    ),
    "GET /v2/info/usage": Call(says="What the project has used of its limits", answers=told("Usage")),
    "GET /v2/schemas/{name}": Call(says="A schema", answers=told("Schema"), refusals=(404,)),
    "GET /v2/schemas/metadefs/{name}": Call(says="A schema", answers=told("Schema"), refusals=(404,)),
}

CACHE: Final = {
    "GET /v2/cache": Call(says="What is in the cache, and what will be", answers=told("Cache"), refusals=(403, 404)),
    "DELETE /v2/cache": Call(
        says="Empty the cache, its queue, or both",
        answers=done(),
        refusals=(403, 404),
        parameters=(header(CLEAR_TARGET, "cache, queue, or both", type="string", enum=["cache", "queue", ""]),),
    ),
    "POST /v2/cache/clean": Call(says="Remove what is broken", answers=_PAGE, refusals=(403, 404)),
    "POST /v2/cache/prune": Call(says="Remove what is too much", answers=told("Pruned"), refusals=(403, 404)),
    "GET /v2/cache/nodes/{image_id}": Call(
        says="The nodes that have an image in their cache", answers=told("CacheNodes"), refusals=(403, 404)
    ),
    "PUT /v2/cache/{image_id}": Call(
        says="Have an image put into the cache", answers=done(202, "It will be."), refusals=(403, 404)
    ),
    "DELETE /v2/cache/{image_id}": Call(says="Take an image out", answers=done(), refusals=(403, 404)),
}

CALLS: Final = {**VERSIONS, **IMAGES, **MEMBERS, **TASKS, **INFO, **CACHE}
"""By method and path."""
