"""Requests about metadata definitions, as models of their JSON. Unknown keys, nulls and other types are refused.

Source: ``glance/api/v2/metadef_namespaces.py: get_schema_definitions`` and ``glance/api/v2/model/``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stackwire.core.errors import Forbidden
from stackwire.image.domain.metadefs import OBJECT, PROPERTY, TAG, Kind

MAX_NAME_LENGTH = 80


def _name(text: str) -> str:
    """Names occur in paths and headers: they have printable characters only."""
    if not text.strip() or not text.isprintable():
        raise ValueError("a name has printable characters only, and not just spaces")
    return text


def _ascii(value: Any) -> Any:
    """A default is octets to Glance: ``glance/common/wsme_utils.py``."""
    if isinstance(value, str) and not value.isascii():
        raise ValueError("a default has ASCII characters only")
    return value


def _once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("each may be named once")
    return values


Name = Annotated[str, Field(max_length=MAX_NAME_LENGTH), AfterValidator(_name)]
ItemName = Annotated[str, Field(max_length=MAX_NAME_LENGTH)]
Type = Literal["array", "boolean", "integer", "number", "object", "string"]
Size = Annotated[int, Field(ge=0)]
Names = Annotated[list[str], AfterValidator(_once)]


class _Request(BaseModel):
    """``requested``: the fields the client sent, and no defaults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for name, given in value.items():
                if given is None and name != "default":
                    raise ValueError(f"'{name}' is null")
        return value

    def requested(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class ItemsRequest(_Request):
    """What the members of an array are."""

    type: Type
    enum: list[str | None] | None = None


class PropertyRequest(_Request):
    """What a property may be set to, in the words of JSON schema."""

    name: ItemName | None = None
    title: str
    description: str | None = None
    operators: list[str] | None = None
    type: Type
    minimum: int | float | None = None
    maximum: int | float | None = None
    maxLength: Size | None = None
    minLength: Size | None = None
    pattern: str | None = None
    enum: list[str | None] | None = None
    readonly: bool | None = None
    confidential: bool | None = None
    default: Annotated[Any, AfterValidator(_ascii)] = None
    items: ItemsRequest | None = None
    maxItems: Size | None = None
    minItems: Size | None = None
    uniqueItems: bool | None = None
    additionalItems: bool | None = None

    def definition(self) -> dict[str, Any]:
        return {key: value for key, value in self.requested().items() if key != "name"}


class NamedProperty(PropertyRequest):
    """A property on its own: not the key of a dictionary says its name."""

    name: ItemName


class ObjectRequest(_Request):
    """Properties that belong together; ``required``: those that such an object always has."""

    name: ItemName
    description: str | None = None
    required: Names | None = None
    properties: dict[Name, PropertyRequest] | None = None

    def definition(self) -> dict[str, Any]:
        definition = {key: value for key, value in self.requested().items() if key != "name"}
        if self.properties is not None:
            definition["properties"] = {name: each.definition() for name, each in self.properties.items()}
        return definition


class TagRequest(_Request):
    name: ItemName

    def definition(self) -> dict[str, Any]:
        return {}


class TagsRequest(_Request):
    tags: list[TagRequest]


class AssociationRequest(_Request):
    name: ItemName
    prefix: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] | None = None
    properties_target: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] | None = None


class NamespaceRequest(_Request):
    """A namespace with, where it is new, what is in it."""

    namespace: Name
    display_name: Annotated[str, Field(max_length=MAX_NAME_LENGTH)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    visibility: Literal["public", "private"] = "private"
    protected: bool = False
    owner: Annotated[str, Field(max_length=255)] | None = None
    resource_type_associations: list[AssociationRequest] = []
    properties: dict[Name, PropertyRequest] = {}
    objects: list[ObjectRequest] = []
    tags: list[TagRequest] = []

    def row(self, project_id: str | None) -> dict[str, Any]:
        """The columns of the namespace; its owner is the caller's project unless another is named."""
        columns = {"namespace", "display_name", "description", "visibility", "protected"}
        return {**self.model_dump(include=columns), "owner": self.owner or project_id}

    def items(self) -> list[tuple[Kind, str, dict[str, Any]]]:
        """Its contents, in the order in which Glance creates them."""
        return [
            *((OBJECT, each.name, each.definition()) for each in self.objects),
            *((TAG, each.name, each.definition()) for each in self.tags),
            *((PROPERTY, name, each.definition()) for name, each in self.properties.items()),
        ]


def check_writable(body: Any, read_only: tuple[str, ...]) -> None:
    """Raises Forbidden for attributes that only the service writes, before anything else is validated."""
    for name in read_only:
        if isinstance(body, Mapping) and name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
