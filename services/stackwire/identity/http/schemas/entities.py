"""Request bodies. Attributes of an entity that nobody knows are kept as they are (Keystone's ``extra``).

Source: ``keystone/resource/schema.py``, ``keystone/identity/schema.py``, and the Identity
API v3 reference.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, create_model

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.request import read, reading
from stackwire.http.schema_errors import WRONG_TYPE, JsonType
from stackwire.identity.domain.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, EntityType
from stackwire.identity.domain.requests import EntityRequest

Name = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"\S")]
LongName = Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"\S")]
Id = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$")]
Description = Annotated[StrictStr, Field(max_length=255)]
Password = Annotated[StrictStr, Field(max_length=4096)]
Tag = Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"^[^,/]*$")]


def _not_null(value: Any) -> Any:
    if value is None:
        raise ValueError(WRONG_TYPE)
    return value


GivenId = Annotated[Id | None, BeforeValidator(_not_null), JsonType(("string",))]
"""It may be left out, but is not null."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    options: dict[str, Any] = {}


class _Domain(_Open):
    name: Name
    description: Description | None = ""
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
    domain_id: GivenId = None
    default_project_id: Id | None = None
    password: Password | None = None


class _Group(_Open):
    name: Name
    description: StrictStr | None = ""
    domain_id: GivenId = None


class _Role(_Open):
    name: LongName
    description: Description | None = None
    domain_id: GivenId = None


_MODELS: dict[str, type[_Open]] = {
    DOMAIN.name: _Domain,
    PROJECT.name: _Project,
    USER.name: _User,
    GROUP.name: _Group,
    ROLE.name: _Role,
}
_BODIES = {name: create_model(name, __base__=_Closed, **{name: (dict[str, Any], ...)}) for name in _MODELS}  # type: ignore[call-overload]  # its overloads know no computed names
_OPTIONS = {
    USER.name: {
        "ignore_change_password_upon_first_use", "ignore_password_expiry", "ignore_lockout_failure_attempts",
        "lock_password", "ignore_user_inactivity", "multi_factor_auth_rules", "multi_factor_auth_enabled",
    },
    GROUP.name: set(),
}  # fmt: skip
"""Source: ``keystone/*/backends/resource_options.py``; of other entities ``immutable``."""
_UNSUPPORTED_ATTRIBUTES = {
    (PROJECT.name, "is_domain"): "projects that act as domains; make a domain instead",
    (ROLE.name, "domain_id"): "roles of a domain",
    (DOMAIN.name, "tags"): "tags of domains",
}


def create_request(entity_type: EntityType, body: Any) -> EntityRequest:
    """The body of a ``POST``. BadRequest for a bad form, NotSimulated for attributes that are not simulated."""
    return _entity_request(entity_type, _unwrap(entity_type, body))


def update_request(entity_type: EntityType, id: str, body: Any) -> EntityRequest:
    """The body of a ``PATCH``: only the attributes that were sent."""
    sent = {key: value for key, value in _unwrap(entity_type, body, id).items() if key != "id"}
    if not sent and entity_type is not PROJECT:
        raise BadRequest("An update has at least one attribute.")
    if "domain_id" in sent and sent["domain_id"] is None:
        raise BadRequest("Invalid input for field/attribute domain_id. Value: None. None is not of type 'string'")
    request = _entity_request(entity_type, {"name": "unchanged", **sent})
    values = {key: value for key, value in request.values.items() if key in sent and key not in entity_type.fixed}
    fixed = {key: value for key, value in request.values.items() if key in entity_type.fixed}
    return EntityRequest(values, request.extra, fixed)


def _unwrap(entity_type: EntityType, body: Any, id: str | None = None) -> dict[str, Any]:
    name = entity_type.name
    if not isinstance(body, dict):
        raise BadRequest("Expecting to find valid JSON in request body.")
    attributes: dict[str, Any] = getattr(read(_BODIES[name], body), name)
    if attributes.get("id", id) != id or "links" in attributes:
        raise BadRequest("Invalid input: 'id' and 'links' are not the caller's to give.")
    return attributes


def _entity_request(entity_type: EntityType, attributes: dict[str, Any]) -> EntityRequest:
    with reading(entity_type.name):
        model = read(_MODELS[entity_type.name], attributes)
    if unknown := model.options.keys() - _OPTIONS.get(entity_type.name, {"immutable"}):
        raise BadRequest(f"Invalid input for field/attribute options: {', '.join(sorted(unknown))} is no option.")
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


class PasswordBody(BaseModel):
    """The body of ``POST /v3/users/{id}/password``."""

    model_config = ConfigDict(frozen=True)

    user: _Passwords
