"""What a request for a token asks: by which methods, as whom, for which scope.

Source of the form: ``keystone/auth/schema.py`` and the Identity API v3 reference, "Password authentication with
scoped authorization" and its neighbours.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from stackwire.identity.domain.errors import Missing

Text = Annotated[StrictStr, Field(max_length=255)]
METHODS = ("password", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A user, project or domain by its id, or by its name in a domain. Exactly one of ``id`` and ``name``."""

    id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where a token is to be good for. ``default``: the user's default project, or nowhere."""

    kind: Literal["project", "domain", "system", "unscoped", "default"]
    place: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a token. ``methods`` may name some we do not know: that is for the flow to refuse with 401."""

    methods: tuple[str, ...]
    user: Selector | None
    password: str | None
    token: str | None
    scope: Scope


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Domain(_Closed):
    id: Text | None = None
    name: Text | None = None


class _Place(_Closed):
    id: Text | None = None
    name: Text | None = None
    domain: _Domain | None = None

    def selector(self, what: str) -> Selector:
        """Raises Missing when it cannot say which one is meant."""
        if self.id is not None:
            return Selector(id=self.id)
        if self.name is None:
            raise Missing(attribute="id or name", target=what)
        domain = self.domain
        if domain is None or (domain.id is None and domain.name is None):
            raise Missing(attribute="domain", target=what)
        return Selector(name=self.name, domain_id=domain.id, domain_name=domain.name if domain.id is None else None)


class _User(_Place):
    password: Annotated[StrictStr, Field(max_length=4096)] | None = None


class _PasswordMethod(_Closed):
    user: _User


class _TokenMethod(_Closed):
    id: StrictStr


class _Identity(BaseModel):
    # Data of methods we do not offer may be there: the method is refused by name, not by the form of its data.
    model_config = ConfigDict(extra="ignore", frozen=True)

    methods: Annotated[list[Text], Field(min_length=1, max_length=8)]
    password: _PasswordMethod | None = None
    token: _TokenMethod | None = None

    @model_validator(mode="after")
    def _each_method_has_its_data(self) -> Self:
        for method in METHODS:
            if method in self.methods and getattr(self, method) is None:
                raise Missing(attribute=method, target="identity")
        return self


class _System(_Closed):
    all: StrictBool


class _Scope(_Closed):
    project: _Place | None = None
    domain: _Domain | None = None
    system: _System | None = None
    unscoped: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or getattr(self, next(iter(self.model_fields_set))) is None:
            raise ValueError("exactly one of project, domain, system and unscoped is expected in scope")
        return self

    def scope(self) -> Scope:
        if self.project is not None:
            return Scope(kind="project", place=self.project.selector("project"))
        if self.domain is not None:
            if self.domain.id is None and self.domain.name is None:
                raise Missing(attribute="id or name", target="domain")
            return Scope(kind="domain", place=Selector(id=self.domain.id, name=self.domain.name))
        if self.system is not None:
            if not self.system.all:
                raise Missing(attribute="all", target="system")
            return Scope(kind="system")
        return Scope(kind="unscoped")


class _Auth(_Closed):
    identity: _Identity
    scope: _Scope | Literal["unscoped"] | None = None


class TokenWish(_Closed):
    """The body of ``POST /v3/auth/tokens``."""

    auth: _Auth

    def asked(self) -> Asked:
        """Raises Missing (400) when a user or place is named by half."""
        identity, scope = self.auth.identity, self.auth.scope
        user = identity.password.user if identity.password and "password" in identity.methods else None
        if user is not None and user.password is None:
            raise Missing(attribute="password", target="user")
        return Asked(
            methods=tuple(dict.fromkeys(identity.methods)),
            user=user.selector("user") if user else None,
            password=user.password if user else None,
            token=identity.token.id if identity.token and "token" in identity.methods else None,
            scope=_scope_of(scope),
        )


def _scope_of(scope: _Scope | Literal["unscoped"] | None) -> Scope:
    if scope is None:
        return Scope(kind="default")
    return Scope(kind="unscoped") if isinstance(scope, str) else scope.scope()
