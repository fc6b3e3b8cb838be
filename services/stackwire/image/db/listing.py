"""One page of a list in one statement.

What a project may see falls into kinds (public, its own, shared with it): each kind is walked on its own index in the
order of the list, and only as far as the page needs; so a page costs the same however many images others have.
A list that is filtered by a property is one walk along the images that have it, which is the shorter way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stackwire.db.session import Session
from stackwire.image.db.images import shown
from stackwire.image.domain.image import Image
from stackwire.image.domain.listing import TIMES, Condition, Query

PLANNER = {"enable_bitmapscan": "off"}
"""For the connections: a page is walked along an index that has its order. To PostgreSQL, which takes a property's name
and value for independent, it seems as cheap to gather all that match and sort them."""
_EXPRESSIONS = {
    "name": "coalesce(i.name, '')",
    "disk_format": "coalesce(i.disk_format, '')",
    "container_format": "coalesce(i.container_format, '')",
    "size": "coalesce(i.size, 0)",
    "status": "i.status",
    "id": "i.id",
    "created_at": "i.created_at",
    "updated_at": "i.updated_at",
}
_EMPTY = {"name": "", "disk_format": "", "container_format": "", "size": 0}
_NUMBERS = frozenset({"size", "virtual_size", "min_disk", "min_ram"})


async def page(
    db: Session, query: Query, limit: int, *, asker: str | None, is_admin: bool, after: Image | None
) -> list[Image]:
    """At most ``limit`` images behind ``after`` that the asker may see and the query wants."""
    sql, args = statement(query, limit, asker=asker, is_admin=is_admin, after=after)
    return await db.all(Image, sql, *args)


@dataclass
class _Arguments:
    """Collects values, hands out their placeholders."""

    values: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def statement(
    query: Query, limit: int, *, asker: str | None, is_admin: bool, after: Image | None
) -> tuple[str, list[Any]]:
    """The statement and its arguments; only placeholders, numbers and names of ours are in the text."""
    args = _Arguments()
    me = args.add(asker)
    wanted = list(_wanted(query, args))
    if after is not None:
        wanted.append(_behind(query, after, args))
    most = f"{limit:d}"  # in the text: a plan for any limit would be one for thousands of rows
    if query.properties:
        kinds = [_along(query, me, args, wanted, most, is_admin=is_admin)]
    else:
        kinds = [
            _walk(query, source, [*wanted, *conditions], most)
            for source, *conditions in _kinds(query, me, args, is_admin=is_admin)
        ]
    page_order = ", ".join(f"s{at} {direction}" for at, (_, direction) in enumerate(query.sort))
    sql = (
        f"SELECT {shown(me + '::text')} FROM"
        f" (SELECT * FROM ({' UNION '.join(kinds)}) seen ORDER BY {page_order} LIMIT {most}) page"
        f" JOIN images i ON i.id = page.id ORDER BY {page_order}"
    )
    return sql, args.values


def _walk(query: Query, source: str, conditions: list[str], most: str, own: Mapping[str, str] | None = None) -> str:
    """The first of them in the list's order. ``own``: what the source itself calls what is sorted by."""
    names = {**_EXPRESSIONS, **(own or {})}
    orders = [f"{names[key]} {direction}" for key, direction in query.sort]
    keys = [f"{names[key]} AS s{at}" for at, (key, _) in enumerate(query.sort)]
    return (
        f"(SELECT i.id, {', '.join(keys)} FROM {source} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {', '.join(orders)} LIMIT {most})"
    )


def _along(query: Query, me: str, args: _Arguments, wanted: list[str], most: str, *, is_admin: bool) -> str:
    """Images that have the first property, from its index, which has them in the usual order of a list."""
    has = _has(args, *query.properties[0])
    source = (
        f"(SELECT p.image_id, p.image_created_at FROM image_properties p WHERE {has}) found"
        " CROSS JOIN LATERAL (SELECT * FROM images WHERE id = found.image_id OFFSET 0) i"
    )
    own = {"created_at": "found.image_created_at", "id": "found.image_id"}
    return _walk(query, source, [*wanted, _may_see(query, me, args, is_admin=is_admin)], most, own)


def _may_see(query: Query, me: str, args: _Arguments, *, is_admin: bool) -> str:
    """The kinds of images as one condition."""
    if is_admin or query.visibility in ("public", "community", "private"):
        kinds = [conditions for _, *conditions in _kinds(query, me, args, is_admin=is_admin)]
    else:
        status = "" if query.member_status == "all" else f" AND m.status = {args.add(query.member_status)}"
        member = f"EXISTS (SELECT 1 FROM image_members m WHERE m.image_id = i.id AND m.member = {me}::text"
        shared = f"i.visibility = 'shared' AND {member} AND m.deleted_at IS NULL{status})"
        mine = f"i.owner = {me}::text"
        kinds = {
            None: [["i.visibility = 'public'"], [mine], [shared]],
            "all": [["i.visibility IN ('public', 'community')"], [mine], [shared]],
            "shared": [[mine, "i.visibility = 'shared'"], [shared]],
        }[query.visibility]
    return "(" + " OR ".join(f"({' AND '.join(conditions or ['true'])})" for conditions in kinds) + ")"


def _kinds(query: Query, me: str, args: _Arguments, *, is_admin: bool) -> list[list[str]]:
    """The kinds of images to walk, each as what it walks and its conditions."""
    wish = query.visibility
    mine = f"i.owner = {me}::text"
    if is_admin:
        if wish is None:
            return [["images i", f"(i.visibility <> 'community' OR {mine})"]]
        return [["images i"]] if wish == "all" else [["images i", f"i.visibility = {args.add(wish)}"]]
    public, community = ["images i", "i.visibility = 'public'"], ["images i", "i.visibility = 'community'"]
    alone = {"public": [public], "community": [community], "private": [["images i", mine, "i.visibility = 'private'"]]}
    if wish in alone:  # no member's status is asked for: an argument the statement does not use is an error
        return alone[wish]
    shared = [_shared_with(query, me, args), "true"]
    return {
        None: [public, ["images i", mine], shared],
        "all": [public, community, ["images i", mine], shared],
        "shared": [["images i", mine, "i.visibility = 'shared'"], shared],
    }[wish]


def _shared_with(query: Query, me: str, args: _Arguments) -> str:
    """From the memberships to their images, never the other way: most images of a cloud are shared with nobody."""
    status = "" if query.member_status == "all" else f" AND status = {args.add(query.member_status)}"
    return (
        f"(SELECT image_id FROM image_members WHERE member = {me}::text AND deleted_at IS NULL{status}) m"
        " CROSS JOIN LATERAL (SELECT * FROM images WHERE id = m.image_id AND visibility = 'shared' OFFSET 0) i"
    )


def _wanted(query: Query, args: _Arguments) -> Iterator[str]:
    if query.deleted is not None:
        yield f"i.deleted_at IS {'NOT ' if query.deleted else ''}NULL"
    yield "i.status <> 'killed'"
    yield f"i.os_hidden = {args.add(query.os_hidden)}"
    for condition in query.conditions:
        if condition.operator == "in":
            yield f"i.{condition.column} = ANY({args.add(list(condition.value))}::text[])"
        else:
            cast = "::bigint" if condition.column in _NUMBERS else ""
            yield f"{_compared(condition)} {condition.operator} {args.add(condition.value)}{cast}"
    for name, value in query.properties[1:]:  # the first is walked along
        yield f"(SELECT true FROM image_properties p WHERE p.image_id = i.id AND {_has(args, name, value)})"
    if query.tags:
        yield (
            f"i.id IN (SELECT t.image_id FROM image_tags t WHERE t.value = ANY({args.add(list(query.tags))}::text[])"
            f" GROUP BY t.image_id HAVING count(*) = {args.add(len(query.tags))})"
        )


def _has(args: _Arguments, name: str, value: str) -> str:
    wanted = args.add(value)
    return (
        f"p.deleted_at IS NULL AND p.name = {args.add(name)}"
        f" AND md5(p.value) = md5({wanted}::text) AND p.value = {wanted}::text"
    )


def _compared(condition: Condition) -> str:
    if condition.column in TIMES and not condition.exact:
        return f"date_trunc('second', i.{condition.column})"
    return f"i.{condition.column}"


def _behind(query: Query, after: Image, args: _Arguments) -> str:
    """What comes after the marker in the order of the list."""
    keys = [(_EXPRESSIONS[key], direction, args.add(_value(after, key))) for key, direction in query.sort]
    if len({direction for _, direction, _ in keys}) == 1:
        left = ", ".join(expression for expression, _, _ in keys)
        right = ", ".join(value for _, _, value in keys)
        return f"({left}) {'<' if keys[0][1] == 'desc' else '>'} ({right})"
    condition = "false"
    for expression, direction, value in reversed(keys):
        sign = "<" if direction == "desc" else ">"
        condition = f"({expression} {sign} {value} OR ({expression} = {value} AND {condition}))"
    return condition


def _value(image: Image, key: str) -> Any:
    value = getattr(image, key)
    return _EMPTY[key] if value is None else value
