"""What callers ask of identity, checked for form and free of HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

AUTH_METHODS = ("password", "token", "application_credential")
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
    """The scope of a requested token. ``default``: the user's default project, or unscoped without one; ``trust``: what
    the trust of this id is for."""

    type: Literal["project", "domain", "system", "unscoped", "default", "trust"]
    target: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredentialLogin:
    """An application credential by its id, or by its name and its user, and its secret."""

    id: str | None = None
    name: str | None = None
    user: Selector | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRequest:
    """One request for a token. ``methods`` may name unsupported ones, which the flow refuses with 401."""

    methods: tuple[str, ...]
    user: Selector | None
    password: str | None
    token: str | None
    scope: Scope
    application_credential: ApplicationCredentialLogin | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleReference:
    """A role by its id or by its name."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredentialRequest:
    """A new application credential; without ``roles`` it has those of the caller's token.

    ``access_rules``: each the id of one the user has, or service, path and method.
    """

    name: str
    description: str | None
    secret: str | None
    expires_at: str | None
    unrestricted: bool | None
    roles: tuple[RoleReference, ...]
    access_rules: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRequest:
    """A new trust."""

    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str | None
    expires_at: str | None
    remaining_uses: int | None
    allow_redelegation: bool
    redelegation_count: int | None
    roles: tuple[RoleReference, ...]
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRequest:
    """A new credential; ``blob`` is a text, of EC2 credentials JSON with ``access`` and ``secret``."""

    user_id: str
    project_id: str | None
    type: str
    blob: str
    extra: Mapping[str, Any]
