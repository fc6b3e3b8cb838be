"""What is said of each call of metadata definitions."""

from collections.abc import Iterator
from typing import Any, Final

from stackwire.image.domain.metadefs import ITEM_SORTS, NAMESPACE_SORTS
from stackwire.image.http.metadef_items import APPEND
from stackwire.image.http.metadef_routes import NAMESPACES, ONE
from stackwire.image.openapi.call import Call, done, header, query, sent, told
from stackwire.image.openapi.calls import DIRECTIONS, LIMIT

READ: Final = (403, 404)
WRITE: Final = (403, 404, 409, 413, 415)
MADE: Final = {"Location": "Where it is now"}
_OF_TYPE: Final = query("resource_type", "As it is on a resource of this type")
_KINDS: Final = {"objects": ("object", "ObjectWish"), "properties": ("property", "NamedProperty"), "tags": ("tag", "")}


def _pages(sorts: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    return (
        LIMIT,
        query("marker", "The name of the last entry of the page before"),
        query("sort_key", "What to sort by", type="string", enum=list(sorts)),
        query("sort_dir", "In which direction", type="string", enum=DIRECTIONS),
    )


def _items() -> Iterator[tuple[str, Call]]:
    """What objects, properties and tags have in common."""
    for many, (one, wish) in _KINDS.items():
        paged = _pages(ITEM_SORTS) if many != "properties" else ()
        typed = (_OF_TYPE,) if many == "properties" else ()
        wish = wish or "TagWish"
        yield f"GET {ONE}/{many}", Call(says=f"List {many}", answers=told(many), refusals=READ, parameters=paged)
        yield f"DELETE {ONE}/{many}", Call(says=f"Delete all {many}", answers=done(), refusals=READ)
        path = f"{ONE}/{many}/{{name}}"
        yield f"GET {path}", Call(says=f"Show one of the {many}", answers=told(one), refusals=READ, parameters=typed)
        yield (
            f"PUT {path}",
            Call(says=f"Change one of the {many}", answers=told(one), refusals=WRITE, body=sent(wish)),
        )
        yield f"DELETE {path}", Call(says=f"Delete one of the {many}", answers=done(), refusals=READ)
        if many != "tags":
            made = told(one, 201, "Made.")
            yield f"POST {ONE}/{many}", Call(says=f"Add to the {many}", answers=made, refusals=WRITE, body=sent(wish))


METADEFS: Final = {
    "GET /v2/metadefs/resource_types": Call(
        says="List the types of resources", answers=told("ResourceTypes"), refusals=(403,)
    ),
    f"GET {NAMESPACES}": Call(
        says="List namespaces",
        answers=told("namespaces"),
        refusals=READ,
        parameters=(
            *_pages(NAMESPACE_SORTS),
            query("visibility", "Who may see them", type="string", enum=["public", "private"]),
            query("resource_types", "For one of these types of resources, separated by commas"),
        ),
    ),
    f"POST {NAMESPACES}": Call(
        says="Make a namespace, with what is in it",
        answers=told("namespace", 201, "Made.", **MADE),
        refusals=WRITE,
        body=sent("NamespaceWish"),
    ),
    f"GET {ONE}": Call(
        says="Show a namespace with what is in it", answers=told("namespace"), refusals=READ, parameters=(_OF_TYPE,)
    ),
    f"PUT {ONE}": Call(
        says="Change a namespace", answers=told("namespace"), refusals=WRITE, body=sent("NamespaceWish")
    ),
    f"DELETE {ONE}": Call(says="Delete a namespace and what is in it", answers=done(), refusals=READ),
    f"GET {ONE}/resource_types": Call(
        says="The types of resources a namespace is for", answers=told("resource_types"), refusals=READ
    ),
    f"POST {ONE}/resource_types": Call(
        says="A namespace is for this type of resources too",
        answers=told("resource_type", 201, "It is."),
        refusals=WRITE,
        body=sent("AssociationWish"),
    ),
    f"DELETE {ONE}/resource_types/{{resource_type}}": Call(
        says="It is for this type no longer", answers=done(), refusals=READ
    ),
    f"POST {ONE}/tags": Call(
        says="Set the tags, or add to them",
        answers=told("tags", 201, "They are."),
        refusals=WRITE,
        parameters=(header(APPEND, "True: the tags there are stay", type="boolean"),),
        body=sent("TagsWish"),
    ),
    f"POST {ONE}/tags/{{name}}": Call(says="Add a tag", answers=told("tag", 201, "Made."), refusals=(403, 404, 409)),
    **dict(_items()),
}
