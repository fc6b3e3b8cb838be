"""The five types of entity identity keeps. Each is one row of attributes; what differs between them is data."""

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
"""An entity as its columns; ``extra`` has the attributes nobody but its creator knows."""


@dataclass(frozen=True, slots=True)
class EntityType:
    """``columns``: what a request may set; all other attributes go to ``extra``. ``filters``: exact matches.

    ``fixed``: attributes that cannot change after creation.
    """

    name: str
    plural: str
    columns: tuple[str, ...]
    filters: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    name_characters: int = 255

    @property
    def in_domain(self) -> bool:
        """True for entities that belong to a domain."""
        return "domain_id" in self.columns


DOMAIN = EntityType("domain", "domains", ("name", "description", "enabled"), ("name", "enabled"), name_characters=64)
PROJECT = EntityType(
    "project",
    "projects",
    columns=("domain_id", "parent_id", "name", "description", "enabled", "tags"),
    filters=("domain_id", "parent_id", "name", "enabled"),
    fixed=("domain_id", "parent_id"),
    name_characters=64,
)
USER = EntityType(
    "user",
    "users",
    columns=("domain_id", "name", "description", "enabled", "password_hash", "default_project_id"),
    filters=("domain_id", "name", "enabled"),
    fixed=("domain_id",),
)
GROUP = EntityType("group", "groups", ("domain_id", "name", "description"), ("domain_id", "name"), ("domain_id",))
ROLE = EntityType("role", "roles", ("name", "description"), ("name",))

ENTITY_TYPES = (DOMAIN, PROJECT, USER, GROUP, ROLE)
TAG_FILTERS = ("tags", "tags-any", "not-tags", "not-tags-any")
"""How projects are found by their tags; the value of each is a list."""
