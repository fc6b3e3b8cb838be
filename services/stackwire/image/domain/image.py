"""An image: a frozen value. What changes it makes another one, and says the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from stackwire.image.domain.locations import Location

Properties = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Sizes in bytes, min_disk in GiB, min_ram in MiB. ``properties`` keep the order in which they were first set.

    ``member_status`` is the membership of the project that asked, if it has one; it is no part of the image.
    ``object`` names the bytes in the store, or those an upload is writing; ``staged`` those that wait for an import.
    ``locations`` are where all its bytes are, in the order in which they are tried.
    """

    id: str
    name: str | None = None
    status: str = "queued"
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
    tags: Sequence[str] = ()
    properties: Properties = field(default_factory=dict)
    member_status: str | None = None
    object: str | None = None
    staged: str | None = None
    locations: Sequence[Location] = ()

    def __post_init__(self) -> None:
        """Rows have locations as mappings."""
        if self.locations:
            object.__setattr__(self, "locations", tuple(map(Location.of, self.locations)))

    @property
    def stores(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.store for place in self.locations))

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def has_data(self) -> bool:
        return self.status in ("active", "deactivated") and (self.object is not None or bool(self.locations))

    @property
    def is_staged(self) -> bool:
        """All its bytes are in staging, and nobody works on them."""
        return self.status == "uploading" and self.staged is not None and self.size is not None


COLUMNS = (
    "name", "status", "visibility", "protected", "os_hidden", "owner", "disk_format", "container_format",
    "min_disk", "min_ram", "size", "checksum", "os_hash_algo", "os_hash_value",
)  # fmt: skip
"""What ``update`` may write into the image's own row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What ``update`` writes: nothing else is touched, so that concurrent changes of other things survive."""

    columns: dict[str, Any]
    set: dict[str, str | None]
    removed: tuple[str, ...]
    tags_added: tuple[str, ...]
    tags_removed: tuple[str, ...]
    new: tuple[str, ...]
    """Properties that were not there before: only these can break a quota."""
    locations: tuple[Location, ...] | None
    """All of them in their order, where any changed."""


def difference(before: Image, after: Image) -> Difference:
    old, new = before.properties, after.properties
    return Difference(
        columns={name: getattr(after, name) for name in COLUMNS if getattr(after, name) != getattr(before, name)},
        set={name: value for name, value in new.items() if name not in old or old[name] != value},
        removed=tuple(name for name in old if name not in new),
        tags_added=tuple(tag for tag in after.tags if tag not in before.tags),
        tags_removed=tuple(tag for tag in before.tags if tag not in after.tags),
        new=tuple(name for name in new if name not in old),
        locations=None if tuple(after.locations) == tuple(before.locations) else tuple(after.locations),
    )


def may_see(image: Image, project_id: str | None, *, is_admin: bool) -> bool:
    """Whether a project knows of the image at all: otherwise it looks absent."""
    if is_admin or image.visibility in ("public", "community"):
        return True
    if project_id is None:
        return False
    return image.owner == project_id or (image.visibility == "shared" and image.member_status is not None)


def flat(image: Image) -> dict[str, Any]:
    """Every field by name, for messages to other services."""
    return {item.name: getattr(image, item.name) for item in fields(image)}


def stamp(moment: datetime | None) -> str | None:
    """ISO 8601 with Z, to the second, as the v2 API shows times."""
    return None if moment is None else f"{moment.isoformat()[:19]}Z"  # strftime is slower, and lists say many
