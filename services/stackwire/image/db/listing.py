"""One page of a list in one statement.

The images that a project may see fall into classes (public, its own, shared with it): each class is walked on its own
index in the order of the list, and only as far as the page needs; so a page costs the same however many images others
have. A list that is filtered by a property is one walk along the images that have it, which is shorter.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.db.query import Conditions, SortKey, after_marker
from stackwire.db.session import Session
from stackwire.image.db.images import columns, image_of
from stackwire.image.domain.image import Image
from stackwire.image.domain.listing import TIMES, Condition, Query

PLANNER = {"enable_bitmapscan": "off"}
"""Settings of the connections: a page is walked along an index that has its order. PostgreSQL, which takes a property's
name and value for independent, estimates that collecting all matches and sorting them is as cheap."""
_ALL = "i.created_at > '-infinity'"
"""True of all images, and the condition of the index that has them all: it is no other walk's."""
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


async def list_page(
    session: Session, query: Query, limit: int, *, project_id: str | None, is_admin: bool, after: Image | None
) -> list[Image]:
    """At most ``limit`` images behind ``after`` that the project may see and the query selects."""
    sql, values = statement(query, limit, project_id=project_id, is_admin=is_admin, after=after)
    return await session.read(image_of, sql, *values)


def statement(
    query: Query, limit: int, *, project_id: str | None, is_admin: bool, after: Image | None
) -> tuple[str, Sequence[Any]]:
    """The statement and its arguments; its text has placeholders, numbers and names from this module only."""
    return _Page(query, limit, project_id, is_admin=is_admin, after=after).statement()


class _Page:
    """One page's statement under construction."""

    def __init__(
        self, query: Query, limit: int, project_id: str | None, *, is_admin: bool, after: Image | None
    ) -> None:
        self._query = query
        self._limit = f"{limit:d}"  # in the text: a plan for any limit would be one for thousands of rows
        self._is_admin = is_admin
        self._wanted = Conditions()
        self._placeholder = self._wanted.placeholder
        self._project = self._placeholder(project_id)
        self._own = f"i.owner = {self._project}::text"
        self._add_filters()
        if after is not None:
            self._wanted.where(after_marker([self._after(after, *key) for key in query.sort]))
        self._where = self._wanted.sql

    def statement(self) -> tuple[str, Sequence[Any]]:
        """The walks together, cut to one page; each of its images is then read whole, and none beside them."""
        if self._query.properties:
            walks = [self._walk_along_property()]
        else:
            walks = [self._walk(source, conditions) for source, *conditions in self._classes()]
        order = ", ".join(f"s{number} {direction}" for number, (_, direction) in enumerate(self._query.sort))
        sql = (
            f"SELECT {columns(self._project + '::text')} FROM"
            f" (SELECT * FROM ({' UNION '.join(walks)}) visible ORDER BY {order} LIMIT {self._limit}) page"
            f" CROSS JOIN LATERAL (SELECT *, xmin FROM images WHERE id = page.id OFFSET 0) i ORDER BY {order}"
        )
        return sql, self._wanted.values

    def _walk(self, source: str, conditions: Sequence[str], names: Mapping[str, str] | None = None) -> str:
        """The first images in the list's order. ``names``: the source's own columns for sort keys."""
        expressions = _EXPRESSIONS if names is None else {**_EXPRESSIONS, **names}
        orders = [f"{expressions[key]} {direction}" for key, direction in self._query.sort]
        selected = ", ".join(f"{expressions[key]} AS s{number}" for number, (key, _) in enumerate(self._query.sort))
        where = " AND ".join([self._where, *conditions])
        return f"(SELECT i.id, {selected} FROM {source} WHERE {where} ORDER BY {', '.join(orders)} LIMIT {self._limit})"

    def _walk_along_property(self) -> str:
        """Images that have the first property, from its index, which has them in the usual order of a list."""
        has = self._has_property(*self._query.properties[0])
        source = (
            f"(SELECT p.image_id, p.image_created_at FROM image_properties p WHERE {has}) found"
            " CROSS JOIN LATERAL (SELECT * FROM images WHERE id = found.image_id OFFSET 0) i"
        )
        return self._walk(source, [self._visible()], {"created_at": "found.image_created_at", "id": "found.image_id"})

    def _visible(self) -> str:
        """All classes of images as one condition."""
        visibility = self._query.visibility
        if self._is_admin or visibility in ("public", "community", "private"):
            classes = [conditions for _, *conditions in self._classes()]
        else:
            shared = (
                "i.visibility = 'shared' AND EXISTS (SELECT 1 FROM image_members m WHERE m.image_id = i.id"
                f" AND m.member = {self._project}::text AND m.deleted_at IS NULL{self._member_status('m.')})"
            )
            classes = {
                None: [["i.visibility = 'public'"], [self._own], [shared]],
                "all": [["i.visibility IN ('public', 'community')"], [self._own], [shared]],
                "shared": [[self._own, "i.visibility = 'shared'"], [shared]],
            }[visibility]
        return "(" + " OR ".join(f"({' AND '.join(conditions or ['true'])})" for conditions in classes) + ")"

    def _classes(self) -> list[list[str]]:
        """The classes of images to walk, each as a source and its conditions."""
        visibility, own = self._query.visibility, self._own
        if self._is_admin:
            if visibility is None:
                return [["images i", _ALL, f"(i.visibility <> 'community' OR {own})"]]
            if visibility == "all":
                return [["images i", _ALL]]
            return [["images i", f"i.visibility = {self._placeholder(visibility)}"]]
        public, community = ["images i", "i.visibility = 'public'"], ["images i", "i.visibility = 'community'"]
        single = {
            "public": [public],
            "community": [community],
            "private": [["images i", own, "i.visibility = 'private'"]],
        }
        if visibility in single:  # without the members' status: an argument that is not used is an error
            return single[visibility]
        shared = [self._shared_with_project(), "true"]
        return {
            None: [public, ["images i", own], shared],
            "all": [public, community, ["images i", own], shared],
            "shared": [["images i", own, "i.visibility = 'shared'"], shared],
        }[visibility]

    def _shared_with_project(self) -> str:
        """From the memberships to their images, never the other way: most images of a cloud are not shared."""
        return (
            f"(SELECT image_id FROM image_members WHERE member = {self._project}::text AND deleted_at IS NULL"
            f"{self._member_status()}) m"
            " CROSS JOIN LATERAL (SELECT * FROM images WHERE id = m.image_id AND visibility = 'shared' OFFSET 0) i"
        )

    def _member_status(self, table: str = "") -> str:
        status = self._query.member_status
        return "" if status == "all" else f" AND {table}status = {self._placeholder(status)}"

    def _add_filters(self) -> None:
        query, wanted = self._query, self._wanted
        if query.deleted is not None:
            wanted.where(f"i.deleted_at IS {'NOT ' if query.deleted else ''}NULL")
        wanted.where("i.status <> 'killed'")
        wanted.where("i.os_hidden = {}", query.os_hidden)
        for condition in query.conditions:
            if condition.operator == "in":
                wanted.where(f"i.{condition.column} = ANY({{}}::text[])", list(condition.value))
            else:
                cast = "::bigint" if condition.column in _NUMBERS else ""
                wanted.where(f"{_compared(condition)} {condition.operator} {{}}{cast}", condition.value)
        for name, value in query.properties[1:]:  # the first is walked along
            has = self._has_property(name, value)
            wanted.where(f"(SELECT true FROM image_properties p WHERE p.image_id = i.id AND {has})")
        if query.tags:
            wanted.where(
                "i.id IN (SELECT t.image_id FROM image_tags t WHERE t.value = ANY({}::text[])"
                " GROUP BY t.image_id HAVING count(*) = {})",
                list(query.tags),
                len(query.tags),
            )

    def _has_property(self, name: str, value: str) -> str:
        wanted = self._placeholder(value)
        return (
            f"p.deleted_at IS NULL AND p.name = {self._placeholder(name)}"
            f" AND md5(p.value) = md5({wanted}::text) AND p.value = {wanted}::text"
        )

    def _after(self, after: Image, key: str, direction: str) -> SortKey:
        value = getattr(after, key)
        marker = self._placeholder(_EMPTY[key] if value is None else value)
        return SortKey(_EXPRESSIONS[key], descending=direction == "desc", marker=marker)


def _compared(condition: Condition) -> str:
    if condition.column in TIMES and not condition.exact:
        return f"date_trunc('second', i.{condition.column})"
    return f"i.{condition.column}"
