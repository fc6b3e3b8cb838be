"""Metadata definitions: what properties there are, what they mean, and what kind of resource may have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from stackwire.core.errors import BadRequest

Kind = Literal["object", "property", "tag"]
OBJECT: Final = "object"
PROPERTY: Final = "property"
TAG: Final = "tag"

NAMESPACE_SORTS: Final = (
    "created_at", "updated_at", "namespace", "display_name", "visibility", "protected", "owner",
)  # fmt: skip
ITEM_SORTS: Final = ("created_at", "updated_at", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """``id`` is the row's own; clients know a namespace by its name. A private one is its owner's and the admin's."""

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
class Detail:
    """A namespace with all that is in it."""

    namespace: Namespace
    associations: Sequence[Association] = ()
    items: Sequence[Item] = ()

    def of(self, kind: Kind) -> list[Item]:
        return [item for item in self.items if item.kind == kind]

    def prefix_for(self, resource_type: str | None) -> str:
        """What the properties' names begin with on such a resource; nothing for a type it does not know."""
        return next((each.prefix or "" for each in self.associations if each.name == resource_type), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list: ``sort_key`` is a column of it, ``marker`` the name of the last one seen."""

    sort_key: str = "created_at"
    sort_dir: str = "desc"
    limit: int | None = None
    marker: str | None = None
    visibility: str | None = None
    resource_types: tuple[str, ...] = field(default=())


def read_page(
    pairs: Sequence[tuple[str, str]], sorts: Sequence[str], *, visibilities: Sequence[str], by_type: bool = False
) -> Page:
    """The query of a list. Raises BadRequest, also for what no list of definitions can be asked for.

    Source: ``glance/api/v2/metadef_namespaces.py: RequestDeserializer.index`` and its like.
    """
    asked = dict(pairs)
    known = {"limit", "marker", "sort_key", "sort_dir", "visibility"} | ({"resource_types"} if by_type else set())
    for name in asked:
        if name not in known:
            raise BadRequest(f"The list cannot be filtered by '{name[:80]}'.")
    key, direction = asked.get("sort_key", "created_at"), asked.get("sort_dir", "desc")
    if key not in sorts:
        raise BadRequest(f"Invalid sort key: {key[:80]}. It must be one of the following: {', '.join(sorts)}.")
    if direction not in ("asc", "desc"):
        raise BadRequest(f"Invalid sort direction: {direction[:80]}")
    visibility = asked.get("visibility") or None
    if visibility is not None and visibility not in visibilities:
        raise BadRequest(f"Invalid visibility value: {visibility[:80]}")
    types = tuple(filter(None, asked.get("resource_types", "").split(",")))
    return Page(
        sort_key=key, sort_dir=direction, limit=_limit(asked.get("limit")), marker=asked.get("marker") or None,
        visibility=visibility, resource_types=types,
    )  # fmt: skip


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("limit param must be a non-negative integer")
    return int(text[:18])


def prefixed(prefix: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """An object's definition with its properties' names as a resource of the prefix' type has them."""
    made = dict(definition)
    if prefix and made.get("properties"):
        made["properties"] = {prefix + name: value for name, value in made["properties"].items()}
    if prefix and made.get("required"):
        made["required"] = [prefix + name for name in made["required"]]
    return made
