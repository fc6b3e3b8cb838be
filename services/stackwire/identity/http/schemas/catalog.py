"""Bodies of services, endpoints and regions. Source: ``keystone/catalog/schema.py``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr

from stackwire.core.errors import BadRequest
from stackwire.http.request import read
from stackwire.http.schema_errors import JsonType
from stackwire.identity.http.schemas.entities import _Closed, _not_null

_Text = Annotated[StrictStr, Field(min_length=1, max_length=255)]
_GivenText = Annotated[_Text | None, BeforeValidator(_not_null), JsonType(("string",))]
_Flag = Annotated[StrictBool | None, BeforeValidator(_not_null), JsonType(("boolean",))]
_Url = Annotated[StrictStr, Field(max_length=225, pattern=r"^[a-zA-Z0-9+.-]+:.+")]
_RegionId = Annotated[StrictStr, Field(max_length=255)]
_Interface = Literal["admin", "internal", "public"]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _ServiceChange(_Open):
    type: _GivenText = None
    name: _GivenText = None
    enabled: _Flag = None


class _Service(_ServiceChange):
    type: _Text


class _EndpointChange(_Open):
    interface: Annotated[_Interface | None, BeforeValidator(_not_null), JsonType(("string",))] = None
    service_id: _GivenText = None
    url: Annotated[_Url | None, BeforeValidator(_not_null), JsonType(("string",))] = None
    region_id: _RegionId | None = None
    region: _RegionId | None = None
    enabled: _Flag = None
    name: Annotated[StrictStr | None, BeforeValidator(_not_null), JsonType(("string",))] = None
    description: StrictStr | None = None


class _Endpoint(_EndpointChange):
    interface: _Interface
    service_id: StrictStr
    url: _Url


class _Region(_Open):
    id: _RegionId | None = None
    description: Annotated[StrictStr, Field(max_length=255)] | None = None
    parent_region_id: Annotated[StrictStr, Field(min_length=1, max_length=255)] | None = None


class _ServiceBody(_Closed):
    service: _Service


class _ServiceChangeBody(_Closed):
    service: _ServiceChange


class _EndpointBody(_Closed):
    endpoint: _Endpoint


class _EndpointChangeBody(_Closed):
    endpoint: _EndpointChange


class _RegionBody(_Closed):
    region: _Region


_NEW: dict[str, type[_Closed]] = {"service": _ServiceBody, "endpoint": _EndpointBody, "region": _RegionBody}
_CHANGES: dict[str, type[_Closed]] = {
    "service": _ServiceChangeBody, "endpoint": _EndpointChangeBody, "region": _RegionBody,
}  # fmt: skip


def created(kind: str, body: Any) -> dict[str, Any]:
    """The attributes in the body of a ``POST``; the id of a region is the caller's to give, others are not."""
    sent = _sent(_NEW[kind], kind, body)
    return sent if kind == "region" else {key: value for key, value in sent.items() if key != "id"}


def changes(kind: str, body: Any) -> dict[str, Any]:
    """The attributes in the body of a ``PATCH``."""
    sent = _sent(_CHANGES[kind], kind, body)
    if not sent:
        raise BadRequest(f"Invalid input for field/attribute {kind}. Value: {{}}. {{}} should be non-empty")
    return sent


def _sent(model: type[_Closed], kind: str, body: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = getattr(read(model, body), kind).model_dump(exclude_unset=True)
    return {key: value for key, value in attributes.items() if key != "links"}
