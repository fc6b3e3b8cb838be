"""Images, members and queries as the arguments and results of glance-registry's v2: a database driver over HTTP.

Beside what Glance's has, results name what the API's layers need of a row, and the values of an update say what an
upload writes (``upload``), as in the v1 protocol. Source: ``glance/common/rpc.py``, ``glance/db/registry/api.py``,
``glance/db/__init__.py: ImageRepo, ImageMemberRepo``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from stackwire.core.attributes import attributes as fields_of
from stackwire.core.errors import REGISTRY, BadRequest, Conflict, Forbidden, NotFound, ServiceError, TooLarge
from stackwire.image.domain import listing, registry
from stackwire.image.domain.errors import ImageNotFound
from stackwire.image.domain.image import Image
from stackwire.image.domain.listing import Condition, Query
from stackwire.image.domain.members import Member

_MORE: Final = "os_hidden os_hash_algo os_hash_value"
_TIMES: Final = ("created_at", "updated_at", "deleted_at")
_OPERATORS: Final = {symbol: word for word, symbol in listing.OPERATORS.items()}
_ENDINGS: Final = {">=": "_min", "<=": "_max", "=": ""}
_PAGE: Final = ("marker", "limit", "member_status")
_GLANCE: Final = "glance.common.exception."
_BY_STATUS: Final[Mapping[int, tuple[str, type[ServiceError]]]] = {
    400: ("Invalid", BadRequest), 403: ("Forbidden", Forbidden), 404: ("NotFound", NotFound),
    409: ("Conflict", Conflict), 410: ("ImageNotFound", ImageNotFound), 413: ("LimitExceeded", TooLarge),
}  # fmt: skip
"""The exceptions of Glance that stand for errors without one of their own."""


def primitive(value: Any) -> Any:
    """A result as JSON has it. Source: ``glance/common/rpc.py: RPCJSONSerializer``."""
    if isinstance(value, datetime):
        return {"_type": "datetime", "_value": value.astimezone(UTC).replace(tzinfo=None).isoformat()}
    if isinstance(value, Mapping):
        return {name: primitive(item) for name, item in value.items()}
    return [primitive(item) for item in value] if isinstance(value, list | tuple) else value


def _moment(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value["_value"]).replace(tzinfo=UTC)


def error_result(error: ServiceError) -> dict[str, Any]:
    """What a command that failed results in: an exception that Glance's client knows."""
    name, _ = _BY_STATUS.get(error.status, ("Invalid", BadRequest))
    known = error.wire.startswith(("glance.", "glance_store."))
    return {"_error": {"cls": error.wire if known else _GLANCE + name, "val": error.message}}


def error_of(result: Any) -> ServiceError | None:
    """The error that a command resulted in; None for any other result. Raises KeyError, TypeError for what is none."""
    if not isinstance(result, Mapping) or "_error" not in result:
        return None
    name, text = str(result["_error"]["cls"]), str(result["_error"]["val"])
    generic = {_GLANCE + each: kind for each, kind in _BY_STATUS.values()}
    return (REGISTRY.get(name) or generic.get(name) or BadRequest)(text)


# ---- images


def image_row(image: Image) -> dict[str, Any]:
    """An image in a result: ``glance/db/sqlalchemy/models.py: to_dict``."""
    whole = registry.image_dict(image)
    locations, properties = whole.pop("location_data"), whole.pop("properties")
    del whole["location"]
    return {
        **whole,
        **fields_of(image, _MORE),
        **{name: getattr(image, name) for name in _TIMES},
        "properties": [{"name": name, "value": value, "deleted": False} for name, value in properties.items()],
        "locations": locations,
        "tags": list(image.tags),
    }


def image_of(row: Mapping[str, Any]) -> Image:
    """The image of a result. Raises KeyError, TypeError, ValueError for what is none."""
    times = {name: moment and moment.isoformat() for name in _TIMES for moment in [_moment(row[name])]}
    properties = {each["name"]: each["value"] for each in row["properties"]}
    answer = {**row, **times, "properties": properties, "location_data": row["locations"]}
    more = {name: row[name] for name in _MORE.split()}
    return registry.image_of(answer, tags=tuple(row["tags"]), **more)


def new_values(image: Image) -> dict[str, Any]:
    """Of ``image_create``."""
    return {**registry.new_image_body(image)["image"], "os_hidden": image.os_hidden, "tags": list(image.tags)}


def update_values(before: Image, after: Image) -> dict[str, Any]:
    """The arguments of ``image_update`` that make one image the other; a change of status has the one before."""
    body, purge = registry.change_body(before, after)
    values: dict[str, Any] = body["image"]
    values.pop("location", None)
    if "location_data" in values:
        values["locations"] = values.pop("location_data")
    if tuple(after.tags) != tuple(before.tags):
        values["tags"] = list(after.tags)
    from_state = before.status if "status" in values else None
    return {"image_id": before.id, "values": values, "purge_props": purge, "from_state": from_state}


def body_of(values: Any, from_state: Any = None) -> dict[str, Any]:
    """The values of a command as the body of a request to the v1 registry. Raises BadRequest."""
    if not isinstance(values, dict):
        raise BadRequest("The values of an image are an object.")
    image = dict(values)
    upload = image.pop("upload", None)
    if "locations" in image:
        image["location_data"] = image.pop("locations")
    if "visibility" in image:
        image.pop("is_public", None)
    body = {"image": image, "from_state": from_state}
    return body if upload is None else {**body, "upload": upload}


# ---- lists


def query_arguments(query: Query, limit: int) -> dict[str, Any]:
    """The arguments of ``image_get_all``."""
    filters: dict[str, Any] = {"deleted": query.deleted, "os_hidden": query.os_hidden}
    for condition in query.conditions:
        name, text = _filter(condition)
        filters[name] = text
    if query.properties:
        filters["properties"] = dict(query.properties)
    if query.tags:
        filters["tags"] = list(query.tags)
    if query.visibility is not None:
        filters["visibility"] = query.visibility
    return {
        "filters": filters,
        "marker": query.marker,
        "limit": limit,
        "sort_key": [key for key, _ in query.sort],
        "sort_dir": [direction for _, direction in query.sort],
        "member_status": query.member_status,
        "is_public": None,
        "admin_as_user": query.as_user,
        "return_tag": True,
    }


def _filter(condition: Condition) -> tuple[str, Any]:
    column, operator, value = condition.column, condition.operator, condition.value
    if column in listing.NUMBERS:
        return column + _ENDINGS[operator], str(value)
    if column in listing.TIMES:
        return column, f"{_OPERATORS[operator]}:{value.isoformat()}"
    if operator == "in":
        return column, "in:" + ",".join(f'"{each}"' for each in value)
    if column in listing.FLAGS:
        return column, str(value).lower()
    return column, f"eq:{value}" if column in listing.WORDS else value


def query_of(arguments: Mapping[str, Any], *, is_admin: bool) -> Query:
    """The query of ``image_get_all``. Raises BadRequest; Forbidden for others who ask for deleted images."""
    filters = dict(_object(arguments.get("filters")))
    deleted, tags, properties = (filters.pop(name, None) for name in ("deleted", "tags", "properties"))
    is_public = filters.pop("is_public", arguments.get("is_public"))
    if deleted and not is_admin:
        raise Forbidden("Only administrators may ask for deleted images.")
    if is_public:
        filters["visibility"] = "public"
    pairs = [*filters.items(), *(("tag", tag) for tag in _listed(tags)), *_page(arguments)]
    query = listing.read([(name, _text(value)) for name, value in pairs if value is not None])
    others = [Condition("visibility", "<>", "public")] if is_public is False else []
    return replace(
        query,
        conditions=(*query.conditions, *others),
        properties=(*query.properties, *((name, _text(value)) for name, value in _object(properties).items())),
        deleted=bool(deleted),
        as_user=bool(arguments.get("admin_as_user")),
    )


def _page(arguments: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    sort = [(name, value) for name in ("sort_key", "sort_dir") for value in _listed(arguments.get(name))]
    return [*sort, *((name, arguments.get(name)) for name in _PAGE)]


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict | type(None)):
        raise BadRequest(f"{str(value)[:100]!r} is no object.")
    return value or {}


def _listed(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | type(None)):
        raise BadRequest(f"{str(value)[:100]!r} is no list.")
    return value or []


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int):
        raise BadRequest(f"{str(value)[:100]!r} is no text and no number.")
    return str(value)


# ---- members


def member_row(member: Member) -> dict[str, Any]:
    """A membership in a result. ``id``: what names it in ``image_member_update`` and ``_delete``."""
    return {
        **fields_of(member, "image_id member status created_at updated_at"),
        "id": member_id(member),
        "deleted": False,
    }


def member_id(member: Member) -> str:
    return f"{member.image_id}/{member.member}"


def member_of(row: Mapping[str, Any]) -> Member:
    """The membership of a result. Raises KeyError, TypeError, ValueError for what is none."""
    created_at, updated_at = _moment(row["created_at"]), _moment(row["updated_at"])
    if created_at is None or updated_at is None:
        raise ValueError(row)
    names = {name: row[name] for name in ("image_id", "member", "status")}
    return Member(**names, created_at=created_at, updated_at=updated_at)
