"""An image: a frozen value. A change makes another one, and ``difference`` compares the two."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from stackwire.image.domain.locations import Location
from stackwire.image.domain.states import ACTIVE, DEACTIVATED, IMPORTING, QUEUED, SAVING, UPLOADING

Properties = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """An image's own row. Sizes in bytes, min_disk in GiB, min_ram in MiB.

    ``object`` names the bytes in the store, or those an upload is writing; ``staged`` those that wait for an import.
    """

    id: str
    name: str | None = None
    status: str = QUEUED
    visibility: str = "shared"
    protected: bool = False
    os_hidden: bool = False
    owner: str | None = None
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    object: str | None = None
    staged: str | None = None

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_staged(self) -> bool:
        """All its bytes are in staging, and nobody works on them."""
        return self.status == UPLOADING and self.staged is not None and self.size is not None

    @property
    def is_being_written(self) -> bool:
        """An upload, staging or import writes its bytes, or wrote them when its worker died."""
        return self.status in (SAVING, UPLOADING, IMPORTING) and not self.is_staged


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(ImageRow):
    """An image with all that belongs to it. ``properties`` keep the order in which they were first set.

    ``member_status`` is the membership of the project that asked, if it has one; it is no part of the image.
    ``locations`` are where all its bytes are, in the order in which they are tried.
    """

    tags: Sequence[str] = ()
    properties: Properties = field(default_factory=dict)
    member_status: str | None = None
    locations: Sequence[Location] = ()
    version: int | None = field(default=None, compare=False)
    """Of its row as it was read: each change of the row makes another."""
    views: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What is shown of it, by the API: made once, however often the image is read."""

    def __post_init__(self) -> None:
        """Rows have locations as mappings."""
        if self.locations:
            object.__setattr__(self, "locations", tuple(map(Location.of, self.locations)))

    @property
    def stores(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.store for place in self.locations))

    @property
    def has_data(self) -> bool:
        return self.status in (ACTIVE, DEACTIVATED) and (self.object is not None or bool(self.locations))


_FIXED = ("id", "virtual_size", "created_at", "updated_at", "deleted_at", "object", "staged")
COLUMNS = tuple(column.name for column in fields(ImageRow) if column.name not in _FIXED)
"""The columns of the image's own row that ``update`` may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What ``update`` writes. It touches nothing else, so that concurrent changes of other things survive.

    ``new``: properties that were not there before: only these can exceed a quota. ``locations``: all of them in their
    order, where any changed.
    """

    columns: dict[str, Any]
    set: dict[str, str | None]
    removed: tuple[str, ...]
    tags_added: tuple[str, ...]
    tags_removed: tuple[str, ...]
    new: tuple[str, ...]
    locations: tuple[Location, ...] | None


def difference(before: Image, after: Image) -> Difference:
    """What must be written to make the one image the other."""
    old, new = before.properties, after.properties
    moved = tuple(after.locations) != tuple(before.locations)
    return Difference(
        columns={name: getattr(after, name) for name in COLUMNS if getattr(after, name) != getattr(before, name)},
        set=changed_properties(before, after),
        removed=_without(old, new),
        tags_added=_without(after.tags, before.tags),
        tags_removed=_without(before.tags, after.tags),
        new=_without(new, old),
        locations=tuple(after.locations) if moved else None,
    )


def changed_properties(before: Image, after: Image) -> dict[str, str | None]:
    """Those that are new or have another value."""
    old = before.properties
    return {name: value for name, value in after.properties.items() if name not in old or old[name] != value}


def _without(names: Iterable[str], others: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)


def may_see(image: Image, project_id: str | None, *, is_admin: bool) -> bool:
    """Whether a project knows of the image at all: otherwise it looks absent."""
    if is_admin or image.visibility in ("public", "community"):
        return True
    if project_id is None:
        return False
    return image.owner == project_id or (image.visibility == "shared" and image.member_status is not None)


def stamp(moment: datetime | None) -> str | None:
    """ISO 8601 with Z, to the second, as the v2 API shows times."""
    return None if moment is None else f"{moment.isoformat()[:19]}Z"  # strftime is slower, and lists have many
