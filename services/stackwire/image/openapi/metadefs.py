"""The API calls of metadata definitions."""

from collections.abc import Iterator
from typing import Any, Final

from stackwire.image.domain.metadefs import ITEM_SORTS, NAMESPACE_SORTS
from stackwire.image.http.metadef_items import APPEND
from stackwire.image.http.routes import NAMESPACE
from stackwire.image.http.views import NAMESPACES
from stackwire.image.openapi.call import Call, accepts, header, query, returns, returns_nothing
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
        yield (f"GET {NAMESPACE}/{many}", Call(f"List {many}", returns(many), errors=READ, parameters=paged))
        yield f"DELETE {NAMESPACE}/{many}", Call(f"Delete all {many}", returns_nothing(), errors=READ)
        path = f"{NAMESPACE}/{many}/{{name}}"
        yield (f"GET {path}", Call(f"Show one of the {many}", returns(one), errors=READ, parameters=typed))
        yield (f"PUT {path}", Call(f"Change one of the {many}", returns(one), errors=WRITE, body=accepts(request)))
        yield f"DELETE {path}", Call(f"Delete one of the {many}", returns_nothing(), errors=READ)
        if many != "tags":
            created = returns(one, 201, "Made.")
            yield (f"POST {NAMESPACE}/{many}", Call(f"Add to the {many}", created, errors=WRITE, body=accepts(request)))


METADEFS: Final = {
    "GET /v2/metadefs/resource_types": Call("List the types of resources", returns("ResourceTypes"), errors=(403,)),
    f"GET {NAMESPACES}": Call(
        "List namespaces",
        returns("namespaces"),
        errors=READ,
        parameters=(
            *_pages(NAMESPACE_SORTS),
            query("visibility", "Who may see them", type="string", enum=["public", "private"]),
            query("resource_types", "For one of these types of resources, separated by commas"),
        ),
    ),
    f"POST {NAMESPACES}": Call(
        "Make a namespace, with what is in it",
        returns("namespace", 201, "Made.", **LOCATION),
        errors=WRITE,
        body=accepts("NamespaceWish"),
    ),
    f"GET {NAMESPACE}": Call(
        "Show a namespace with what is in it", returns("namespace"), errors=READ, parameters=(_OF_TYPE,)
    ),
    f"PUT {NAMESPACE}": Call("Change a namespace", returns("namespace"), errors=WRITE, body=accepts("NamespaceWish")),
    f"DELETE {NAMESPACE}": Call("Delete a namespace and what is in it", returns_nothing(), errors=READ),
    f"GET {NAMESPACE}/resource_types": Call(
        "The types of resources a namespace is for", returns("resource_types"), errors=READ
    ),
    f"POST {NAMESPACE}/resource_types": Call(
        "A namespace is for this type of resources too",
        returns("resource_type", 201, "It is."),
        errors=WRITE,
        body=accepts("AssociationWish"),
    ),
    f"DELETE {NAMESPACE}/resource_types/{{resource_type}}": Call(
        "It is for this type no longer", returns_nothing(), errors=READ
    ),
    f"POST {NAMESPACE}/tags": Call(
        "Set the tags, or add to them",
        returns("tags", 201, "They are."),
        errors=WRITE,
        parameters=(header(APPEND, "True: the tags there are stay", type="boolean"),),
        body=accepts("TagsWish"),
    ),
    f"POST {NAMESPACE}/tags/{{name}}": Call("Add a tag", returns("tag", 201, "Made."), errors=(403, 404, 409)),
    **dict(_items()),
}
