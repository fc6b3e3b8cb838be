"""The query of a list of images: filters, order and page.

Source: ``glance/api/v2/images.py: RequestDeserializer.index``; ``db/sqlalchemy/api.py: _make_conditions_from_filters``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from stackwire.core.errors import BadRequest
from stackwire.image.domain.states import MEMBER_STATUSES, VISIBILITIES

SORT_KEYS: Final = ("name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at")
WORDS: Final = ("id", "name", "status", "container_format", "disk_format")
NUMBERS: Final = ("size", "virtual_size", "min_disk", "min_ram")
TIMES: Final = ("created_at", "updated_at")
EXACT: Final = ("checksum", "os_hash_algo", "os_hash_value", "owner")
FLAGS: Final = ("protected",)
OPERATORS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "<>"}
MAX_TAG_FILTERS: Final = 1000
NOT_FILTERS: Final = frozenset({"limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "tag"})


class BadFilter(BadRequest):
    """The filter cannot be read."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``column operator value``; the operator ``in`` takes a tuple. The value is from the request, the rest is not.

    Times are compared to the second, as clients see them; ``exact``: to the microsecond.
    """

    column: str
    operator: str
    value: Any
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """``sort``: (key, direction) pairs, the last one unique. ``limit`` is as requested; the caller caps it.

    ``deleted`` None: deleted images too. ``as_user``: an administrator sees what any user of the project sees.
    """

    conditions: tuple[Condition, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    visibility: str | None = None
    os_hidden: bool = False
    deleted: bool | None = False
    as_user: bool = False
    member_status: str = "accepted"
    sort: tuple[tuple[str, str], ...] = (("created_at", "desc"), ("id", "desc"))
    limit: int | None = None
    marker: str | None = None


def read(pairs: Sequence[tuple[str, str]]) -> Query:
    """The query of ``GET /v2/images``. Raises BadFilter."""
    last = dict(pairs)
    if "changes-since" in last:
        raise BadFilter("The changes-since filter is no longer available on v2.")
    conditions: list[Condition] = []
    properties: list[tuple[str, str]] = []
    for name, value in last.items():
        if name in NOT_FILTERS or name in ("visibility", "os_hidden"):
            continue
        condition = _condition(name, value)
        if condition is None:
            properties.append((name, value))
        else:
            conditions.append(condition)
    tags = tuple(dict.fromkeys(value for name, value in pairs if name == "tag"))
    if len(tags) > MAX_TAG_FILTERS:
        raise BadFilter(f"At most {MAX_TAG_FILTERS} tags can be asked for.")
    return Query(
        conditions=tuple(conditions),
        properties=tuple(properties),
        tags=tags,
        visibility=_choice(last, "visibility", (*VISIBILITIES, "all")),
        os_hidden=_boolean("os_hidden", last.get("os_hidden", "false")),
        member_status=_choice(last, "member_status", (*MEMBER_STATUSES, "all")) or "accepted",
        sort=_sort(pairs),
        limit=_limit(last.get("limit")),
        marker=marker.lower() if (marker := last.get("marker")) is not None else None,
    )


def _choice(last: dict[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    value = last.get(name)
    if value is not None and value not in choices:
        raise BadFilter(f"Invalid {name} value: {value[:200]}")
    return value


def _condition(name: str, value: str) -> Condition | None:
    if name == "id":  # in lower case, as in a path
        operator, colon, ids = value.rpartition(":")
        return _word(name, operator + colon + ids.lower())
    if name in WORDS:
        return _word(name, value)
    if name in TIMES:
        return _time(name, value)
    if name in FLAGS:
        if value != value.lower():
            raise BadFilter(f"Invalid {name} value: {value[:200]}")
        return Condition(name, "=", _boolean(name, value))
    if name in NUMBERS:
        return Condition(name, "=", _number(name, value))
    if name in EXACT:
        return Condition(name, "=", value)
    for ending, operator in (("_min", ">="), ("_max", "<=")):
        column = name.removesuffix(ending)
        if column != name and column in NUMBERS:
            return Condition(column, operator, _number(name, value))
    return None


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise BadFilter(f"Invalid {name} value: {value[:200]}")
    return value.lower() == "true"


def _number(name: str, value: str) -> int:
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or int(digits[:20]) > 2**63 - 1 or len(value) > 20:
        raise BadFilter(f"Unable to filter on {name}: {value[:100]} is not a number of that range.")
    return int(value)


def _word(name: str, value: str) -> Condition:
    operator, colon, rest = value.partition(":")
    if not colon:
        return Condition(name, "=", value)
    if operator == "in":
        return Condition(name, "in", tuple(split(rest)))
    if operator == "eq":
        return Condition(name, "=", rest)
    raise BadFilter(f"Unable to filter by unknown operator '{operator[:100]}'.")


def split(text: str) -> list[str]:
    """The values of ``a,b,"c,d"``; a quote is closed before the next comma."""
    values: list[str] = []
    at = 0
    while True:
        if text.startswith('"', at):
            end = text.find('"', at + 1)
            if end < 0:
                raise BadFilter("A quote in the filter is not closed.")
            values.append(text[at + 1 : end])
            at = end + 1
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            values.append(text[at:end])
            at = end
        if '"' in values[-1] or not values[-1]:
            raise BadFilter("The values of an 'in' filter are separated by commas; each may be in quotes.")
        if at == len(text):
            return values
        if text[at] != ",":
            raise BadFilter("A quoted value ends before a comma.")
        at += 1


def _time(name: str, value: str) -> Condition:
    operator, colon, rest = value.partition(":")
    if not (colon and operator in OPERATORS):
        if colon and operator.isalpha():
            raise BadFilter(f"Unable to filter by unknown operator '{operator[:100]}'.")
        operator, rest = "eq", value
    try:
        moment = moment_of(rest)
    except ValueError as error:
        raise BadFilter(f"Unable to filter on {name}: {rest[:100]} is no time in ISO 8601.") from error
    return Condition(name, OPERATORS[operator], moment)


def moment_of(text: str) -> datetime:
    """A time in ISO 8601, UTC where it names no zone; ValueError for anything else, or no time in UTC."""
    moment = datetime.fromisoformat(text.strip())
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as beyond:
        raise ValueError(text) from beyond


def _limit(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise BadFilter("limit param must be a non-negative integer")
    return int(value[:18])


def _sort(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The requested keys with their directions, and those that make the order unique."""
    combined, keys, directions = (_values(pairs, name) for name in ("sort", "sort_key", "sort_dir"))
    if combined and (keys or directions):
        raise BadFilter("Old and new sorting syntax cannot be combined")
    chosen = dict(_combined(combined[-1]) if combined else _paired(keys, directions))
    direction = next(iter(chosen.values()))
    return tuple({**chosen, **{key: direction for key in ("created_at", "id") if key not in chosen}}.items())


def _values(pairs: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in pairs if key == name]


def _combined(text: str) -> list[tuple[str, str]]:
    chosen = []
    for part in text.split(","):
        key, colon, direction = part.partition(":")
        chosen.append(_checked(key.strip(), direction.strip() if colon else "desc"))
    return _once(chosen)


def _paired(keys: list[str], directions: list[str]) -> list[tuple[str, str]]:
    keys = keys or ["created_at"]
    if len(directions) > 1 and len(directions) != len(keys):
        raise BadFilter("Number of sort dirs does not match the number of sort keys")
    if len(directions) <= 1:
        directions = (directions or ["desc"]) * len(keys)
    return _once([_checked(key, direction) for key, direction in zip(keys, directions, strict=True)])


def _checked(key: str, direction: str) -> tuple[str, str]:
    if key not in SORT_KEYS:
        raise BadFilter(f"Invalid sort key: {key[:100]}. It must be one of the following: {', '.join(SORT_KEYS)}.")
    if direction not in ("asc", "desc"):
        raise BadFilter(f"Invalid sort direction: {direction[:100]}. It must be one of the following: asc, desc.")
    return key, direction


def _once(chosen: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of a key given twice, the first direction at the last position."""
    return list(dict(reversed(chosen)).items())[::-1] if len({key for key, _ in chosen}) < len(chosen) else chosen
