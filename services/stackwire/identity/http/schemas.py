"""What may be sent for each noun. Attributes nobody knows are kept as they are (Keystone's ``extra``)."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.http.request import read
from stackwire.identity.db.entities import DOMAIN, GROUP, PROJECT, ROLE, USER, Noun

Name = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"\S")]
LongName = Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"\S")]
Id = Annotated[StrictStr, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$")]
Password = Annotated[StrictStr, Field(max_length=4096)]
Tag = Annotated[StrictStr, Field(min_length=1, max_length=255, pattern=r"^[^,/]*$")]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    options: dict[str, Any] = {}


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


class _Tags(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tags: Annotated[list[Tag], Field(max_length=80)]


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
    DOMAIN.name: _Domain, PROJECT.name: _Project, USER.name: _User, GROUP.name: _Group, ROLE.name: _Role,
}  # fmt: skip
_FIXED = {PROJECT.name: ("domain_id", "parent_id"), USER.name: ("domain_id",), GROUP.name: ("domain_id",)}


def creation(noun: Noun, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns and extra attributes of a new one; BadRequest for a bad form, NotSimulated for what is not here."""
    return _split(noun, read(_MODELS[noun.name], _inner(noun, body)))


def change(noun: Noun, id: str, body: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The same for a change: only what was sent counts. Third: what was sent that may never change."""
    sent = {key: value for key, value in _inner(noun, body, id).items() if key != "id"}
    checked = read(_MODELS[noun.name], {"name": "unchanged", **sent})
    values, extra = _split(noun, checked)
    fixed = {key: values.pop(key) for key in _FIXED.get(noun.name, ()) if key in values}
    return {key: value for key, value in values.items() if key in sent}, extra, fixed


def tags_of(body: Any) -> list[str]:
    """The body of ``PUT /v3/projects/{id}/tags``."""
    return read(_Tags, body).tags


def tag_of(text: str) -> str:
    """A tag from a path."""
    return read(_Tags, {"tags": [text]}).tags[0]


def _inner(noun: Noun, body: Any, id: str | None = None) -> dict[str, Any]:
    if not isinstance(body, dict) or set(body) != {noun.name} or not isinstance(body[noun.name], dict):
        raise BadRequest(f"Expecting to find {noun.name} in the request body, and nothing else.")
    inner: dict[str, Any] = body[noun.name]
    if inner.get("id", id) != id or "links" in inner:
        raise BadRequest("Invalid input: 'id' and 'links' are not the caller's to give.")
    return inner


def _split(noun: Noun, model: _Open) -> tuple[dict[str, Any], dict[str, Any]]:
    if model.options:
        raise NotSimulated(what=f"{noun.name} options ({', '.join(sorted(model.options))})")
    given = {key: getattr(model, key) for key in model.model_fields_set}
    extra = dict(model.model_extra or {})
    values = {key: value for key, value in given.items() if key not in extra and key != "options"}
    if values.pop("is_domain", False):
        raise NotSimulated(what="projects that act as domains; make a domain instead")
    if noun is ROLE and values.pop("domain_id", None) is not None:
        raise NotSimulated(what="roles of a domain")
    if noun is DOMAIN and values.pop("tags", None):
        raise NotSimulated(what="tags of domains")
    return {key: value for key, value in values.items() if value is not None or key not in _NOT_NULL}, extra


_NOT_NULL = frozenset({"domain_id"})
