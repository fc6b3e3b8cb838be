"""Metadata definitions: which properties exist, what they mean, and which resource types may have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from stackwire.core.errors import BadRequest

Kind = Literal["object", "property", "tag"]
OBJECT: Final = "object"
PROPERTY: Final = "property"
TAG: Final = "tag"

NAMESPACE_SORTS: Final = (
    *("created_at", "updated_at"),
    *("namespace", "display_name", "visibility", "protected", "owner"),
)
ITEM_SORTS: Final = ("created_at", "updated_at", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """``id`` is internal; clients know a namespace by its name. A private one is visible to its owner and to admins."""

    id: int
    namespace: str
    display_name: str | None
    description: str | None
    visibility: str
    protected: bool
    owner: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object, a property or a tag of a namespace; ``definition`` is all of it but its name."""

    id: int
    kind: Kind
    name: str
    definition: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A resource type that a namespace's properties are for; ``prefix`` goes before their names on such a resource."""

    namespace_id: int
    name: str
    prefix: str | None
    properties_target: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceDetails:
    """A namespace with its contents."""

    namespace: Namespace
    associations: Sequence[Association] = ()
    items: Sequence[Item] = ()

    def items_of(self, kind: Kind) -> list[Item]:
        """The items of one kind."""
        return [item for item in self.items if item.kind == kind]

    def prefix_for(self, resource_type: str | None) -> str:
        """The prefix of properties' names on such a resource; empty for a type that is not associated."""
        return next((each.prefix or "" for each in self.associations if each.name == resource_type), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadefPage:
    """A page of a list: ``sort_key`` is one of its columns, ``marker`` the name of the last item of the page before."""

    sort_key: str = "created_at"
    sort_dir: str = "desc"
    limit: int | None = None
    marker: str | None = None
    visibility: str | None = None
    resource_types: tuple[str, ...] = ()


def read_page(
    pairs: Sequence[tuple[str, str]], sorts: Sequence[str], *, visibilities: Sequence[str], by_type: bool = False
) -> MetadefPage:
    """The query of a list; parameters that no list of definitions has are allowed. Raises BadRequest.

    Source: ``glance/api/v2/metadef_namespaces.py: RequestDeserializer.index`` and its like.
    """
    query = dict(pairs)
    key, direction = query.get("sort_key", "created_at"), query.get("sort_dir", "desc")
    if key not in sorts:
        raise BadRequest(f"Invalid sort key: {key[:80]}. It must be one of the following: {', '.join(sorts)}.")
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction[:80]}")
    visibility = query.get("visibility") or None if visibilities else None
    if visibility is not None and visibility not in visibilities:
        raise BadRequest(f"Invalid visibility value: {visibility[:80]}")
    return MetadefPage(
        sort_key=key,
        sort_dir=direction,
        limit=_limit(query.get("limit")),
        marker=query.get("marker") or None,
        visibility=visibility,
        resource_types=tuple(filter(None, query.get("resource_types", "").split(",") if by_type else ())),
    )


def _limit(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("limit param must be a non-negative integer")
    return int(text[:18])


def prefixed(prefix: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """An object's definition with the prefix before its properties' names."""
    view = dict(definition)
    if prefix and view.get("properties"):
        view["properties"] = {prefix + name: value for name, value in view["properties"].items()}
    if prefix and view.get("required"):
        view["required"] = [prefix + name for name in view["required"]]
    return view
