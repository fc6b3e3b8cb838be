"""The API calls of metadata definitions."""

from collections.abc import Iterator
from typing import Any, Final

from stackwire.image.domain.metadefs import ITEM_SORTS, NAMESPACE_SORTS
from stackwire.image.http.metadef_items import APPEND
from stackwire.image.http.routes import NAMESPACE
from stackwire.image.http.views import NAMESPACES
from stackwire.image.openapi.call import Call, empty_response, header, json_body, json_response, query
from stackwire.image.openapi.calls import DIRECTIONS, LIMIT

READ: Final = (403, 404)
WRITE: Final = (403, 404, 409, 413, 415)
LOCATION: Final = {"Location": "Where it is now"}
_OF_TYPE: Final = query("resource_type", "As it is on a resource of this type")
_KINDS: Final = {
    "objects": ("object", "ObjectWish"),
    "properties": ("property", "NamedProperty"),
    "tags": ("tag", "TagWish"),
}


def _pages(sorts: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    return (
        LIMIT,
        query("marker", "The name of the last entry of the page before"),
        query("sort_key", "What to sort by", type="string", enum=list(sorts)),
        query("sort_dir", "In which direction", type="string", enum=DIRECTIONS),
    )


def _items() -> Iterator[tuple[str, Call]]:
    """What objects, properties and tags have in common."""
    for many, (one, request) in _KINDS.items():
        paged = _pages(ITEM_SORTS) if many != "properties" else ()
        typed = (_OF_TYPE,) if many == "properties" else ()
        yield (
            f"GET {NAMESPACE}/{many}",
            Call(summary=f"List {many}", responses=json_response(many), errors=READ, parameters=paged),
        )
        yield f"DELETE {NAMESPACE}/{many}", Call(summary=f"Delete all {many}", responses=empty_response(), errors=READ)
        path = f"{NAMESPACE}/{many}/{{name}}"
        yield (
            f"GET {path}",
            Call(summary=f"Show one of the {many}", responses=json_response(one), errors=READ, parameters=typed),
        )
        yield (
            f"PUT {path}",
            Call(
                summary=f"Change one of the {many}", responses=json_response(one), errors=WRITE, body=json_body(request)
            ),
        )
        yield f"DELETE {path}", Call(summary=f"Delete one of the {many}", responses=empty_response(), errors=READ)
        if many != "tags":
            created = json_response(one, 201, "Made.")
            yield (
                f"POST {NAMESPACE}/{many}",
                Call(summary=f"Add to the {many}", responses=created, errors=WRITE, body=json_body(request)),
            )


METADEFS: Final = {
    "GET /v2/metadefs/resource_types": Call(
        summary="List the types of resources", responses=json_response("ResourceTypes"), errors=(403,)
    ),
    f"GET {NAMESPACES}": Call(
        summary="List namespaces",
        responses=json_response("namespaces"),
        errors=READ,
        parameters=(
            *_pages(NAMESPACE_SORTS),
            query("visibility", "Who may see them", type="string", enum=["public", "private"]),
            query("resource_types", "For one of these types of resources, separated by commas"),
        ),
    ),
    f"POST {NAMESPACES}": Call(
        summary="Make a namespace, with what is in it",
        responses=json_response("namespace", 201, "Made.", **LOCATION),
        errors=WRITE,
        body=json_body("NamespaceWish"),
    ),
    f"GET {NAMESPACE}": Call(
        summary="Show a namespace with what is in it",
        responses=json_response("namespace"),
        errors=READ,
        parameters=(_OF_TYPE,),
    ),
    f"PUT {NAMESPACE}": Call(
        summary="Change a namespace",
        responses=json_response("namespace"),
        errors=WRITE,
        body=json_body("NamespaceWish"),
    ),
    f"DELETE {NAMESPACE}": Call(
        summary="Delete a namespace and what is in it", responses=empty_response(), errors=READ
    ),
    f"GET {NAMESPACE}/resource_types": Call(
        summary="The types of resources a namespace is for", responses=json_response("resource_types"), errors=READ
    ),
    f"POST {NAMESPACE}/resource_types": Call(
        summary="A namespace is for this type of resources too",
        responses=json_response("resource_type", 201, "It is."),
        errors=WRITE,
        body=json_body("AssociationWish"),
    ),
    f"DELETE {NAMESPACE}/resource_types/{{resource_type}}": Call(
        summary="It is for this type no longer", responses=empty_response(), errors=READ
    ),
    f"POST {NAMESPACE}/tags": Call(
        summary="Set the tags, or add to them",
        responses=json_response("tags", 201, "They are."),
        errors=WRITE,
        parameters=(header(APPEND, "True: the tags there are stay", type="boolean"),),
        body=json_body("TagsWish"),
    ),
    f"POST {NAMESPACE}/tags/{{name}}": Call(
        summary="Add a tag", responses=json_response("tag", 201, "Made."), errors=(403, 404, 409)
    ),
    **dict(_items()),
}
