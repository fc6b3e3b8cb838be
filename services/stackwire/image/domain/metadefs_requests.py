"""What a client may ask for, as classes that are its JSON. Unknown keys, nulls and other types are refused.

Source: ``glance/api/v2/metadef_namespaces.py: get_schema_definitions`` and ``glance/api/v2/model/``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stackwire.core.errors import Forbidden
from stackwire.image.domain.metadefs import OBJECT, PROPERTY, TAG, Kind

LONGEST_NAME = 80


def _name(text: str) -> str:
    """Names stand in paths and headers: nothing unseen in them."""
    if not text.strip() or not text.isprintable():
        raise ValueError("a name has characters that can be seen, and no others")
    return text


def _once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("each may be named once")
    return values


Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_name)]
Type = Literal["array", "boolean", "integer", "number", "object", "string"]
Size = Annotated[int, Field(ge=0)]
Names = Annotated[list[str], AfterValidator(_once)]


class _Wish(BaseModel):
    """What was not asked for is not in ``asked()``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for name, given in value.items():
                if given is None and name != "default":
                    raise ValueError(f"'{name}' is null")
        return value

    def asked(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class ItemsWish(_Wish):
    """What the members of an array are."""

    type: Type | None = None
    enum: list[Any] | None = None


class PropertyWish(_Wish):
    """What a property may be set to, in the words of JSON schema."""

    name: Name | None = None
    title: str
    description: str | None = None
    operators: list[str] | None = None
    type: Type
    minimum: int | float | None = None
    maximum: int | float | None = None
    maxLength: Size | None = None
    minLength: Size | None = None
    pattern: str | None = None
    enum: list[Any] | None = None
    readonly: bool | None = None
    confidential: bool | None = None
    default: Any = None
    items: ItemsWish | None = None
    maxItems: Size | None = None
    minItems: Size | None = None
    uniqueItems: bool | None = None
    additionalItems: bool | None = None

    def definition(self) -> dict[str, Any]:
        return {key: value for key, value in self.asked().items() if key != "name"}


class NamedProperty(PropertyWish):
    """A property on its own: not the key of a dictionary says its name."""

    name: Name


class ObjectWish(_Wish):
    """Properties that belong together; ``required``: those that such an object always has."""

    name: Name
    description: str | None = None
    required: Names | None = None
    properties: dict[Name, PropertyWish] | None = None

    def definition(self) -> dict[str, Any]:
        made = {key: value for key, value in self.asked().items() if key != "name"}
        if self.properties is not None:
            made["properties"] = {name: each.definition() for name, each in self.properties.items()}
        return made


class TagWish(_Wish):
    name: Name

    def definition(self) -> dict[str, Any]:
        return {}


class TagsWish(_Wish):
    tags: list[TagWish]


class AssociationWish(_Wish):
    name: Name
    prefix: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    properties_target: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None


class NamespaceWish(_Wish):
    """A namespace with, where it is new, what is in it."""

    namespace: Name
    display_name: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    visibility: Literal["public", "private"] = "private"
    protected: bool = False
    owner: Annotated[str, Field(max_length=255)] | None = None
    resource_type_associations: list[AssociationWish] = []
    properties: dict[Name, PropertyWish] = {}
    objects: list[ObjectWish] = []
    tags: list[TagWish] = []

    def row(self, project_id: str | None) -> dict[str, Any]:
        """What the namespace itself is; it belongs to the one who asks unless another is named."""
        return {
            "namespace": self.namespace,
            "display_name": self.display_name,
            "description": self.description,
            "visibility": self.visibility,
            "protected": self.protected,
            "owner": self.owner or project_id,
        }

    def items(self) -> list[tuple[Kind, str, dict[str, Any]]]:
        """What is in it, in the order in which Glance makes it."""
        return [
            *((OBJECT, each.name, each.definition()) for each in self.objects),
            *((TAG, each.name, each.definition()) for each in self.tags),
            *((PROPERTY, name, each.definition()) for name, each in self.properties.items()),
        ]


def check_writable(body: Any, read_only: tuple[str, ...]) -> None:
    """What only the service writes is 403, whatever else is wrong with it."""
    for name in read_only:
        if isinstance(body, Mapping) and name in body:
            raise Forbidden(f"Attribute '{name}' is read-only.")
