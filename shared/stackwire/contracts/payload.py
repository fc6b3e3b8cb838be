"""Base classes of notification payloads. Senders build plain dictionaries; tests validate them with these classes.

A payload has exactly the keys of its class.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from stackwire.contracts.base import Contract

_DAY, _TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d:\d\d"
Zulu = Annotated[str, Field(pattern=rf"^{_DAY}T{_TIME}Z$")]
Whole = Annotated[str, Field(pattern=rf"^{_DAY}T{_TIME}\+00:00$")]
Aware = Annotated[str, Field(pattern=rf"^{_DAY}T{_TIME}\.\d{{6}}\+00:00$")]
Naive = Annotated[str, Field(pattern=rf"^{_DAY}T{_TIME}\.\d{{6}}$")]
"""UTC, without an offset."""
Printed = Annotated[str, Field(pattern=rf"^{_DAY} {_TIME}(\.\d{{6}})?(\+00:00)?$")]
"""``str()`` of a datetime in UTC."""
Never = Literal[""]

_NAME, _SPACE, _VERSION, _DATA = (f"nova_object.{part}" for part in ("name", "namespace", "version", "data"))


class Payload(Contract):
    """Types are strict. Schemas are built on first use: services only name these classes."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class NovaObject(Payload):
    """The fields are in ``nova_object.data``, beside the class's name and version.

    As in Nova a minor version adds fields, a major one may remove some.
    """

    object_version: ClassVar[str]

    def __init_subclass__(cls, version: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if version is not None:
            cls.object_version = version

    @classmethod
    def heading(cls) -> dict[str, str]:
        """Name, namespace and version of the object."""
        return {_NAME: cls.__name__, _SPACE: "nova", _VERSION: cls.object_version}

    @classmethod
    def around(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """The object on the wire."""
        return {**cls.heading(), _DATA: dict(data)}

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or cls.heading() | {_DATA: value.get(_DATA)} != value:
            raise ValueError(f"not an object {cls.__name__} {cls.object_version} of Nova's")
        return value[_DATA]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        data = {key: schema.pop(key) for key in tuple(schema) if key not in ("title", "description")}
        heading = {key: {"const": value, "type": "string"} for key, value in cls.heading().items()}
        schema |= {
            "type": "object",
            "properties": {**heading, _DATA: data},
            "required": [*heading, _DATA],
            "additionalProperties": False,
        }
        return reference
