"""What the payload of a notification is made of. Senders build plain dictionaries; tests hold them to these classes.

A payload has the keys its class names, and no other: whoever reads one may rely on it, and what is new is new here.
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
"""UTC, and does not say so."""
Printed = Annotated[str, Field(pattern=rf"^{_DAY} {_TIME}(\.\d{{6}})?(\+00:00)?$")]
"""As Python prints a moment; UTC."""
Never = Literal[""]

_NAME, _SPACE, _VERSION, _DATA = (f"nova_object.{part}" for part in ("name", "namespace", "version", "data"))


class Payload(Contract):
    """Types are exact: a number is no text. Built when first asked for: services only name these classes."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class NovaObject(Payload):
    """The fields of a class stand in ``nova_object.data``, beside the class's own name and its version.

    A minor version adds fields, a major one takes some away: Nova's promise to its consumers.
    """

    object_version: ClassVar[str]

    def __init_subclass__(cls, version: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if version is not None:
            cls.object_version = version

    @classmethod
    def heading(cls) -> dict[str, str]:
        """What an object says of itself."""
        return {_NAME: cls.__name__, _SPACE: "nova", _VERSION: cls.object_version}

    @classmethod
    def around(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it is sent."""
        return {**cls.heading(), _DATA: dict(data)}

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or cls.heading() | {_DATA: value.get(_DATA)} != value:
            raise ValueError(f"not an object {cls.__name__} {cls.object_version} of Nova's")
        return value[_DATA]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shown = handler(core_schema)
        schema = handler.resolve_ref_schema(shown)
        data = {key: schema.pop(key) for key in tuple(schema) if key not in ("title", "description")}
        heading = {key: {"const": value, "type": "string"} for key, value in cls.heading().items()}
        schema |= {
            "type": "object",
            "properties": {**heading, _DATA: data},
            "required": [*heading, _DATA],
            "additionalProperties": False,
        }
        return shown
