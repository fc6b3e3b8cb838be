"""What callers ask of identity, checked for form and free of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

AUTH_METHODS = ("password", "token")
"""Authentication methods on offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A user, project or domain by its id, or by its name in a domain. Exactly one of ``id`` and ``name``."""

    id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The scope of a requested token. ``default``: the user's default project, or unscoped without one."""

    type: Literal["project", "domain", "system", "unscoped", "default"]
    target: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRequest:
    """One request for a token. ``methods`` may name unsupported ones, which the flow refuses with 401."""

    methods: tuple[str, ...]
    user: Selector | None
    password: str | None
    token: str | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class EntityRequest:
    """A new entity, or the changes of one: ``values`` are columns of its type, ``extra`` any other attributes.

    ``fixed``: attributes that may be sent with an update but must equal what is stored.
    """

    values: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """A page of a list: entities that match every filter, by id, after ``marker``; all of them without a limit."""

    filters: Mapping[str, Any]
    limit: int | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class AssignmentQuery:
    """``effective``: group members and implied roles resolved, so that each row is what one user can do."""

    filters: Mapping[str, str]
    system: bool
    effective: bool
