"""A ``Listing`` as the conditions, order and page of a statement. Every column in it is one of ``domain.listing``."""

from typing import Any

from stackwire.db.query import Conditions, SortKey, after_marker, order_by
from stackwire.volume.domain.listable import FROM_VOLUME
from stackwire.volume.domain.listing import COPIES, NOTHING, Filter, Listing
from stackwire.volume.domain.names import names

_LEAST = {
    **dict.fromkeys(
        names(
            "name description host user_id migration_status snapshot_id source_volid request_id parent_id container"
            " service service_metadata fail_reason restore_volume_id availability_zone"
        ),
        "''",
    ),
    **dict.fromkeys(("updated_at", "launched_at", "scheduled_at", "data_timestamp"), "'-infinity'"),
}
"""Of the columns that may be NULL and sorted by: NULL sorts as this value, the least of its type."""
_IMAGE_METADATA = (
    "EXISTS (SELECT 1 FROM volume_glance_metadata g WHERE g.volume_id = v.id AND NOT g.deleted"
    " AND g.key = {} AND g.value = {})"
)


def conditions(listing: Listing, alias: str, *, kept: bool = True) -> Conditions:
    """The listing's rows of the table that the statement calls ``alias``; the marker and page are not among them.

    ``kept``: whether deleted rows stay in the table.
    """
    found = Conditions(f"NOT {alias}.deleted" if kept else "true")
    if listing.project_id is not None:
        found.where(f"{alias}.project_id = {{}}", listing.project_id)
    if listing.visible_to is not None:
        found.where(f"({alias}.is_public OR {{}} = ANY({alias}.projects))", listing.visible_to)
    for wanted in listing.filters:
        _add(found, alias, wanted)
    return found


def _add(found: Conditions, alias: str, wanted: Filter) -> None:
    if wanted.column == NOTHING:
        found.where("false")
    elif wanted.column == COPIES:
        found.where(f"coalesce({alias}.migration_status, '') NOT LIKE 'target:%'")
    elif wanted.column.startswith(FROM_VOLUME):
        column = wanted.column.removeprefix(FROM_VOLUME)
        found.where(
            f"{alias}.volume_id IN (SELECT id FROM volumes WHERE {column} {wanted.operator} {{}})", wanted.value
        )
    elif wanted.key is None:
        found.where(f"{alias}.{wanted.column} {wanted.operator} {{}}", wanted.value)
    elif wanted.column == "glance_metadata":
        found.where(_IMAGE_METADATA, wanted.key, wanted.value)
    else:
        found.where(f"{alias}.{wanted.column} ->> {{}} = {{}}", wanted.key, wanted.value)


def page(listing: Listing, table: str, alias: str, *, kept: bool = True) -> tuple[str, list[Any]]:
    """What follows ``SELECT ... FROM <table> <alias> WHERE``, with its values."""
    found = conditions(listing, alias, kept=kept)
    marker = found.placeholder(listing.marker) if listing.marker is not None else ""
    keys = [
        SortKey(
            _sortable(alias, column),
            descending=descending,
            marker=f"(SELECT {_sortable('marker', column)} FROM {table} AS marker WHERE marker.id = {marker})",
        )
        for column, descending in listing.order
    ]
    if listing.marker is not None:
        found.where(after_marker(keys))
    return f"{found.sql} ORDER BY {order_by(keys)} LIMIT {listing.limit} OFFSET {listing.offset}", found.values


def _sortable(alias: str, column: str) -> str:
    return f"coalesce({alias}.{column}, {_LEAST[column]})" if column in _LEAST else f"{alias}.{column}"
