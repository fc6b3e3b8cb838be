"""Request bodies. Attributes of an entity that nobody knows are kept as they are (Keystone's ``extra``).

Source: ``keystone/auth/schema.py``, ``keystone/resource/schema.py``, ``keystone/identity/schema.py``, and the Identity
API v3 reference.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.request import read
from stackwire.identity.domain.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, EntityType
from stackwire.identity.domain.errors import MissingAttribute
from stackwire.identity.domain.requests import AUTH_METHODS, AuthRequest, EntityRequest, Scope, Selector

Text = Annotated[StrictStr, Field(max_length=255)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"\S")]
LongName = Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"\S")]
Id = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$")]
Password = Annotated[StrictStr, Field(max_length=4096)]
Tag = Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"^[^,/]*$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    options: dict[str, Any] = {}


# -- entities


class _Domain(_Open):
    name: Name
    description: StrictStr | None = ""
    enabled: StrictBool = True
    tags: list[Tag] = []


class _Project(_Open):
    name: Name
    description: StrictStr | None = ""
    enabled: StrictBool = True
    domain_id: Id | None = None
    parent_id: Id | None = None
    is_domain: StrictBool = False
    tags: Annotated[list[Tag], Field(max_length=80)] = []


class _User(_Open):
    name: LongName
    description: StrictStr | None = None
    enabled: StrictBool = True
    domain_id: Id | None = None
    default_project_id: Id | None = None
    password: Password | None = None


class _Group(_Open):
    name: Name
    description: StrictStr | None = ""
    domain_id: Id | None = None


class _Role(_Open):
    name: LongName
    description: StrictStr | None = None
    domain_id: Id | None = None


_MODELS: dict[str, type[_Open]] = {
    DOMAIN.name: _Domain,
    PROJECT.name: _Project,
    USER.name: _User,
    GROUP.name: _Group,
    ROLE.name: _Role,
}
_UNSUPPORTED_ATTRIBUTES = {
    (PROJECT.name, "is_domain"): "projects that act as domains; make a domain instead",
    (ROLE.name, "domain_id"): "roles of a domain",
    (DOMAIN.name, "tags"): "tags of domains",
}


def create_request(entity_type: EntityType, body: Any) -> EntityRequest:
    """The body of a ``POST``. BadRequest for a bad form, NotSimulated for attributes that are not simulated."""
    return _entity_request(entity_type, read(_MODELS[entity_type.name], _unwrap(entity_type, body)))


def update_request(entity_type: EntityType, id: str, body: Any) -> EntityRequest:
    """The body of a ``PATCH``: only the attributes that were sent."""
    sent = {key: value for key, value in _unwrap(entity_type, body, id).items() if key != "id"}
    request = _entity_request(entity_type, read(_MODELS[entity_type.name], {"name": "unchanged", **sent}))
    values = {key: value for key, value in request.values.items() if key in sent and key not in entity_type.fixed}
    fixed = {key: value for key, value in request.values.items() if key in entity_type.fixed}
    return EntityRequest(values, request.extra, fixed)


def _unwrap(entity_type: EntityType, body: Any, id: str | None = None) -> dict[str, Any]:
    name = entity_type.name
    if not isinstance(body, dict) or set(body) != {name} or not isinstance(body[name], dict):
        raise BadRequest(f"Expecting to find {name} in the request body, and nothing else.")
    attributes: dict[str, Any] = body[name]
    if attributes.get("id", id) != id or "links" in attributes:
        raise BadRequest("Invalid input: 'id' and 'links' are not the caller's to give.")
    return attributes


def _entity_request(entity_type: EntityType, model: _Open) -> EntityRequest:
    if model.options:
        raise NotSimulated(what=f"{entity_type.name} options ({', '.join(sorted(model.options))})")
    sent = model.model_fields_set - {"options"}
    values = {key: getattr(model, key) for key in type(model).model_fields if key in sent}
    for (name, attribute), what in _UNSUPPORTED_ATTRIBUTES.items():
        if name == entity_type.name and values.pop(attribute, None):
            raise NotSimulated(what=what)
    if values.get("domain_id", "") is None:
        del values["domain_id"]
    return EntityRequest(values, model.model_extra or {})


class _Tags(_Closed):
    tags: Annotated[list[Tag], Field(max_length=80)]


def project_tags(body: Any) -> list[str]:
    """The body of ``PUT /v3/projects/{id}/tags``."""
    return read(_Tags, body).tags


def project_tag(text: str) -> str:
    """A tag of a path; BadRequest unless it is well-formed."""
    return project_tags({"tags": [text]})[0]


class _Passwords(_Closed):
    password: Password
    original_password: Password


class PasswordBody(_Closed):
    """The body of ``POST /v3/users/{id}/password``."""

    user: _Passwords


# -- authentication


class _Lenient(BaseModel):
    """Keys that nobody knows are left out, as Keystone does in ``auth`` alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _DomainReference(_Lenient):
    id: Text | None = None
    name: Text | None = None


class _Reference(_Lenient):
    id: Text | None = None
    name: Text | None = None
    domain: _DomainReference | None = None

    def selector(self, target: str) -> Selector:
        """Raises MissingAttribute unless it selects one user or project."""
        if self.id is not None:
            return Selector(id=self.id)
        if self.name is None:
            raise MissingAttribute(attribute="id or name", target=target)
        domain = self.domain
        if domain is None or (domain.id is None and domain.name is None):
            raise MissingAttribute(attribute="domain", target=target)
        return Selector(name=self.name, domain_id=domain.id, domain_name=domain.name if domain.id is None else None)


class _UserCredentials(_Reference):
    password: Password | None = None


class _PasswordMethod(_Lenient):
    user: _UserCredentials


class _TokenMethod(_Lenient):
    id: StrictStr


class _Identity(_Lenient):
    """A method that is not simulated is refused by its name, not by the form of its data."""

    methods: Annotated[list[Text], Field(min_length=1, max_length=8)]
    password: _PasswordMethod | None = None
    token: _TokenMethod | None = None

    @model_validator(mode="after")
    def _each_method_has_its_data(self) -> Self:
        for method in AUTH_METHODS:
            if method in self.methods and getattr(self, method) is None:
                raise MissingAttribute(attribute=method, target="identity")
        return self


class _System(_Lenient):
    all: StrictBool


class _Scope(_Lenient):
    project: _Reference | None = None
    domain: _DomainReference | None = None
    system: _System | None = None
    unscoped: dict[str, Any] | None = None
    trust: dict[str, Any] | None = Field(default=None, alias="OS-TRUST:trust")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or getattr(self, next(iter(self.model_fields_set))) is None:
            raise ValueError("exactly one of project, domain, system and unscoped is expected in scope")
        return self

    def scope(self) -> Scope:
        """Raises MissingAttribute unless it selects one scope, NotSimulated for that of a trust."""
        if self.trust is not None:
            raise NotSimulated(what="trusts")
        if self.project is not None:
            return Scope(type="project", target=self.project.selector("project"))
        if self.domain is not None:
            if self.domain.id is None and self.domain.name is None:
                raise MissingAttribute(attribute="id or name", target="domain")
            return Scope(type="domain", target=Selector(id=self.domain.id, name=self.domain.name))
        if self.system is not None:
            if not self.system.all:
                raise MissingAttribute(attribute="all", target="system")
            return Scope(type="system")
        return Scope(type="unscoped")


class _Auth(_Lenient):
    identity: _Identity
    scope: _Scope | Literal["unscoped"] | None = None


class AuthBody(_Lenient):
    """The body of ``POST /v3/auth/tokens``."""

    auth: _Auth

    def request(self) -> AuthRequest:
        """Raises MissingAttribute when a user or scope is incomplete."""
        identity = self.auth.identity
        user = identity.password.user if identity.password and "password" in identity.methods else None
        if user is not None and user.password is None:
            raise MissingAttribute(attribute="password", target="user")
        return AuthRequest(
            methods=tuple(dict.fromkeys(identity.methods)),
            user=user.selector("user") if user else None,
            password=user.password if user else None,
            token=identity.token.id if identity.token and "token" in identity.methods else None,
            scope=self._scope(),
        )

    def _scope(self) -> Scope:
        scope = self.auth.scope
        if scope is None:
            return Scope(type="default")
        return Scope(type="unscoped") if isinstance(scope, str) else scope.scope()
