"""The query of a v1 list. Source: ``glance/registry/api/v1/images.py: Controller._get_query_params``."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from stackwire.core.errors import Forbidden
from stackwire.image.domain.listing import SORT_KEYS, BadFilter, Condition, Query, moment_of
from stackwire.image.domain.v1_meta import flag

PROPERTY_FILTER: Final = "property-"
_WORDS: Final = ("name", "status", "container_format", "disk_format")
_NUMBERS: Final = {
    "min_ram": ("min_ram", "="),
    "min_disk": ("min_disk", "="),
    "size_min": ("size", ">="),
    "size_max": ("size", "<="),
}
_PAGES: Final = ("limit", "marker", "sort_key", "sort_dir", "is_public", "deleted")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read(pairs: Sequence[tuple[str, str]], *, is_admin: bool) -> Query:
    """The query of ``GET /v1/images``. Raises BadFilter; Forbidden for others than administrators who ask for
    deleted images.

    ``is_public`` true, which is the default, is what any user sees, for administrators too; false leaves the public
    ones out; none is all there is for the caller.
    """
    last = dict(pairs)
    conditions = [each for name, value in last.items() if (each := _condition(name, value)) is not None]
    is_public = last.get("is_public", "true").lower()
    if is_public not in ("true", "1", "false", "0", "none"):
        raise BadFilter("is_public must be None, True, or False")
    if is_public in ("false", "0"):
        conditions.append(Condition("visibility", "<>", "public"))
    all_projects = is_admin and is_public not in ("true", "1")
    key, direction = _sort(last)
    return Query(
        conditions=tuple(conditions),
        properties=tuple(
            (name.removeprefix(PROPERTY_FILTER), value)
            for name, value in last.items()
            if name.startswith(PROPERTY_FILTER)
        ),
        visibility="all" if all_projects else None,
        as_user=not all_projects,
        deleted=_deleted(last, is_admin=is_admin),
        sort=((key, direction), *((name, direction) for name in ("created_at", "id") if name != key)),
        limit=_limit(last.get("limit")),
        marker=_marker(last.get("marker")),
    )


def _condition(name: str, value: str) -> Condition | None:
    if name.startswith(PROPERTY_FILTER) or name in _PAGES:
        return None
    if name in _WORDS:
        return Condition(name, "=", value)
    if name == "protected":
        return Condition(name, "=", flag(name, value))
    if name in _NUMBERS:
        column, operator = _NUMBERS[name]
        return Condition(column, operator, _number(name, value))
    if name == "changes-since":
        return Condition("updated_at", ">", _moment(value), exact=True)  # nothing that changed may be missed
    raise BadFilter(f"There is no filter named {name[:100]!r}.")


def _deleted(last: dict[str, Any], *, is_admin: bool) -> bool | None:
    """Whether deleted images are listed; None: those too. Changed images include deleted ones."""
    if "deleted" not in last:
        return None if "changes-since" in last else False
    wanted = flag("deleted", last["deleted"])
    if wanted and not is_admin:
        raise Forbidden("Only administrators may ask for deleted images.")
    return wanted


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise BadFilter(f"{name} must be a non-negative integer: {value[:100]!r}")
    return int(value)


def _limit(value: str | None) -> int | None:
    return None if value is None else _number("limit", value)


def _marker(value: str | None) -> str | None:
    if value is not None and not _UUID.fullmatch(value):
        raise BadFilter("Invalid marker format")
    return None if value is None else value.lower()


def _moment(value: str) -> datetime:
    try:
        return moment_of(value)
    except ValueError as error:
        raise BadFilter("Unrecognized changes-since value") from error


def _sort(last: dict[str, str]) -> tuple[str, str]:
    key, direction = last.get("sort_key", "created_at"), last.get("sort_dir", "desc")
    if key not in SORT_KEYS:
        raise BadFilter(f"Unsupported sort_key. Acceptable values: {', '.join(SORT_KEYS)}")
    if direction not in ("asc", "desc"):
        raise BadFilter("Unsupported sort_dir. Acceptable values: asc, desc")
    return key, direction
