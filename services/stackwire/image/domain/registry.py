"""Images and members as glance-registry and its client exchange them, in the v1 protocol of Glance's own registry.

Beside what Glance's has, an answer names what the API's layers need of a row (``visibility``, ``member_status``, the
objects that are being written), and the request that begins or ends an upload says what is written: ``upload``.
Source: ``glance/registry/api/v1/images.py: make_image_dict``, ``glance/registry/client/v1/client.py``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from stackwire.core.attributes import attributes as fields_of
from stackwire.core.errors import BadRequest
from stackwire.image.domain import attributes
from stackwire.image.domain.image import Image, Properties, difference
from stackwire.image.domain.listing import Query
from stackwire.image.domain.locations import DIGESTS, STORE_KEY, Location
from stackwire.image.domain.members import Member
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, DELETED, KILLED, PENDING_DELETE, QUEUED, SAVING
from stackwire.image.domain.uploads import UNLIMITED_BYTES

PURGE_HEADER: Final = "X-Glance-Registry-Purge-Props"

_PLAIN: Final = (
    *("id", "name", "status", "size", "virtual_size", "disk_format", "container_format", "min_disk", "min_ram"),
    *("checksum", "owner", "protected", "visibility", "member_status", "object", "staged"),
)
_TIMES: Final = ("created_at", "updated_at", "deleted_at")
_NOT_SET: Final = (*_TIMES, "deleted", "store", "copy_from")
"""What Glance's own client sends along and its registry does not set."""
_CHECKSUM, _DIGEST = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{32,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryUpload:
    """What an upload writes. ``worker``: the process that holds it, by the name in its leases.

    ``announced``: bytes that the client announced. The digests and ``virtual_size`` are of the data once it is there;
    ``reason``: why there is none. The formats are those that it was inspected by.
    """

    object: str
    store: str | None = None
    worker: str = ""
    announced: int | None = None
    virtual_size: int | None = None
    os_hash_algo: str = ""
    os_hash_value: str = ""
    disk_format: str | None = None
    container_format: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChange:
    """What a PUT asks for; ``purge``: properties that it does not name go. ``from_state``: the status before."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    properties: Properties = field(default_factory=dict)
    locations: Sequence[Location] | None = None
    purge: bool = False
    from_state: str | None = None
    upload: RegistryUpload | None = None
    is_public: bool | None = None

    def applied(self, image: Image) -> Image:
        """The image with the change, its status included where data that is elsewhere activates it."""
        if self.is_public is not None and self.is_public is not (image.visibility == "public"):
            image = replace(image, visibility="public" if self.is_public else "private")
        kept = {} if self.purge else dict(image.properties)
        locations = image.locations if self.locations is None else tuple(self.locations)
        columns = {name: value for name, value in self.columns.items() if name != "id"}
        return replace(image, **columns, properties={**kept, **self.properties}, locations=locations)


@dataclass(frozen=True, slots=True)
class Changed:
    """An image after a PUT; ``allowance``: bytes that the upload it begins may have."""

    image: Image
    allowance: int = UNLIMITED_BYTES


def image_dict(image: Image) -> dict[str, Any]:
    """An image in an answer."""
    places = [_location_dict(location) for location in image.locations]
    return {
        **fields_of(image, " ".join(_PLAIN)),
        **{name: _time(getattr(image, name)) for name in _TIMES},
        "deleted": image.deleted,
        "is_public": image.visibility == "public",
        "properties": dict(image.properties),
        "location": places[0]["url"] if places else None,
        "location_data": places,
    }


def image_of(answer: Mapping[str, Any], **more: Any) -> Image:
    """The image of an answer, and ``more`` of it. Raises KeyError, TypeError, ValueError for what is none."""
    times: dict[str, Any] = {name: datetime.fromisoformat(answer[name]) if answer[name] else None for name in _TIMES}
    return Image(
        **{name: answer[name] for name in _PLAIN},
        **times,
        **more,
        properties=dict(answer["properties"]),
        locations=tuple(_location_of(place) for place in answer["location_data"]),
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="microseconds")


def _location_dict(location: Location) -> dict[str, Any]:
    """An object of the service has its name for a URL."""
    url = location.object if location.is_internal else location.url
    metadata = {**location.metadata, STORE_KEY: location.store}
    return {"id": location.id, "url": url, "metadata": metadata, "status": "active"}


def _location_of(place: Mapping[str, Any]) -> Location:
    url, metadata = str(place["url"]), dict(place["metadata"])
    store = metadata.pop(STORE_KEY, "")
    where: dict[str, Any] = {"url": url} if "://" in url else {"object": url}
    return Location(store=str(store), metadata=metadata, id=place.get("id"), **where)


def brief_dict(image: Image) -> dict[str, Any]:
    """An image in the plain list (``DISPLAY_FIELDS_IN_INDEX``)."""
    return dict(fields_of(image, "id name size disk_format container_format checksum"))


def new_image_body(image: Image) -> dict[str, Any]:
    """The body of the POST that registers an image."""
    names = "id name status visibility protected owner disk_format container_format min_disk min_ram size checksum"
    return {"image": {**fields_of(image, names), "properties": dict(image.properties)}}


def change_body(before: Image, after: Image) -> tuple[dict[str, Any], bool]:
    """The body of the PUT that makes one image the other, and whether it purges: then it names every property."""
    change = difference(before, after)
    purge = bool(change.removed)
    image: dict[str, Any] = {**change.columns, "properties": dict(after.properties if purge else change.set)}
    if change.locations is not None:
        places = [_location_dict(location) for location in change.locations]
        image |= {"location": places[0]["url"] if places else None, "location_data": places}
    return {"image": image, "from_state": before.status}, purge


def pairs(query: Query, limit: int) -> list[tuple[str, str]]:
    """The query of a list, as ``v1_listing.read`` reads it again."""
    is_public = "None" if query.visibility == "all" else "True"
    found: list[tuple[str, str]] = []
    for condition in query.conditions:
        if condition.column == "visibility":
            is_public = "False"
        elif condition.column == "updated_at":
            found.append(("changes-since", condition.value.isoformat()))
        elif condition.column == "size":
            found.append(("size_min" if condition.operator == ">=" else "size_max", str(condition.value)))
        else:
            found.append((condition.column, str(condition.value)))
    found += [(f"property-{name}", value) for name, value in query.properties]
    key, direction = query.sort[0]
    found += [("is_public", is_public), ("sort_key", key), ("sort_dir", direction), ("limit", str(limit))]
    if query.deleted is not None:
        found.append(("deleted", str(query.deleted)))
    return found if query.marker is None else [*found, ("marker", query.marker)]


def read_new(body: Any) -> RegistryChange:
    """A POST. Without a status the image is active, as Glance's registry has it."""
    change = read_change(body, purge=False, known=("image", "from_state"))
    visibility = {} if change.is_public is None else {"visibility": "public" if change.is_public else "private"}
    return replace(change, columns={"status": ACTIVE, **visibility, **change.columns})


def read_change(body: Any, *, purge: bool, known: Sequence[str] = ("image", "from_state", "upload")) -> RegistryChange:
    """A PUT. Raises BadRequest for what cannot be read."""
    image = _image_in(body, known)
    from_state, upload = body.get("from_state"), body.get("upload")
    if from_state is not None and not isinstance(from_state, str):
        raise BadRequest("'from_state' is a status.")
    locations = _locations(image)
    properties, is_public = _properties(image.pop("properties", {})), image.pop("is_public", None)
    columns = {name: _column(name, value) for name, value in image.items() if name not in _NOT_SET}
    return RegistryChange(
        columns=columns,
        properties=properties,
        locations=locations,
        purge=purge,
        from_state=from_state,
        upload=None if upload is None else _upload(upload),
        is_public=None if is_public is None or "visibility" in columns else _flag("is_public", is_public),
    )


def _image_in(body: Any, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("image"), dict) or not set(body) <= {*known}:
        raise BadRequest(f"The body is an object with the key 'image', and no other than {', '.join(known)}.")
    return dict(body["image"])


def _column(name: str, value: Any) -> Any:
    if name in attributes.BASE:
        return attributes.BASE[name](name, value)
    if name == "id":
        return attributes.read_request({"id": value})[0]["id"]
    if name in _CHECKS and _CHECKS[name](value):
        return value
    raise BadRequest(f"The registry cannot set '{name[:100]}' to {str(value)[:100]!r}.")


def _is_size(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 2**63)


def _is_hex(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: value is None or (isinstance(value, str) and pattern.fullmatch(value) is not None)


def _is_status(value: Any) -> bool:
    return value in (QUEUED, SAVING, ACTIVE, DEACTIVATED, KILLED, PENDING_DELETE, DELETED)


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "size": _is_size, "virtual_size": _is_size, "status": _is_status, "checksum": _is_hex(_CHECKSUM),
    "os_hash_value": _is_hex(_DIGEST), "os_hash_algo": lambda value: value in (None, *DIGESTS),
}  # fmt: skip


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"'{name}' is true or false.")
    return value


def _properties(value: Any) -> dict[str, str | None]:
    """The service's own too: what the API keeps of them comes back with a purge."""
    if not isinstance(value, dict):
        raise BadRequest("'properties' is an object.")
    for name, text in value.items():
        if not name.startswith(attributes.RESERVED_PREFIX):
            attributes.check_name(name)
        if text is not None:
            attributes.check_value(name, text)
    return dict(value)


def _locations(image: dict[str, Any]) -> list[Location] | None:
    """Of ``location_data``, or of the one ``location``; None where the PUT has neither."""
    url, places = image.pop("location", None), image.pop("location_data", None)
    if places is None:
        places = None if url is None else [{"url": url, "metadata": {}}]
    if places is None:
        return None
    if not isinstance(places, list) or not all(_is_place(place) for place in places):
        raise BadRequest("'location_data' is a list of objects with 'url' and 'metadata'.")
    return [_location_of(place) for place in places]


def _is_place(place: Any) -> bool:
    return (
        isinstance(place, dict)
        and isinstance(place.get("url"), str)
        and isinstance(place.get("metadata"), dict)
        and (type(place.get("id")) is int if "://" not in place["url"] else type(place.get("id")) in (int, type(None)))
    )


def _upload(value: Any) -> RegistryUpload:
    if not isinstance(value, dict):
        raise BadRequest("'upload' is an object.")
    kinds = {name: int if name in ("announced", "virtual_size") else str for name in RegistryUpload.__slots__}
    for name, item in value.items():
        if name not in kinds or not (item is None or type(item) is kinds[name]):
            raise BadRequest(f"The upload's '{name[:100]}' cannot be {str(item)[:100]!r}.")
    given = {name: item for name, item in value.items() if item is not None}
    if not given.get("object"):
        raise BadRequest("An upload names its object.")
    return RegistryUpload(**given)


def member_dict(member: Member) -> dict[str, Any]:
    """A membership in an answer."""
    names = {"image_id": member.image_id, "member_id": member.member, "status": member.status, "can_share": False}
    return {**names, "created_at": _time(member.created_at), "updated_at": _time(member.updated_at)}


def member_of(answer: Mapping[str, Any]) -> Member:
    """The membership of an answer. Raises KeyError, TypeError, ValueError for what is none."""
    created_at, updated_at = (datetime.fromisoformat(answer[name]) for name in ("created_at", "updated_at"))
    names = {"image_id": answer["image_id"], "member": answer["member_id"], "status": answer["status"]}
    return Member(**names, created_at=created_at, updated_at=updated_at)
