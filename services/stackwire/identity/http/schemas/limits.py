"""Bodies of unified limits. Source: ``keystone/limit/schema.py``."""

import uuid
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, model_validator

from stackwire.http.request import read
from stackwire.http.schema_errors import JsonType, WholeMessage
from stackwire.identity.http.schemas.entities import Id, LongName, _Closed, _not_null


def _uuid(text: str) -> str:
    try:
        uuid.UUID(text)
    except ValueError:
        raise ValueError("is not a 'uuid'") from None
    return text


_ServiceId = Annotated[StrictStr, AfterValidator(_uuid)]
_RegionId = Annotated[StrictStr, Field(min_length=1, max_length=255)]
_Number = Annotated[StrictInt, Field(ge=-1, le=2**31 - 1)]
_Description = StrictStr | None


class _Registered(_Closed):
    service_id: _ServiceId
    region_id: _RegionId | None = None
    resource_name: LongName
    default_limit: _Number
    description: _Description = None


class _RegisteredChange(_Closed):
    service_id: Annotated[_ServiceId | None, BeforeValidator(_not_null), JsonType(("string",))] = None
    region_id: _RegionId | None = None
    resource_name: Annotated[LongName | None, BeforeValidator(_not_null), JsonType(("string",))] = None
    default_limit: Annotated[_Number | None, BeforeValidator(_not_null), JsonType(("integer",))] = None
    description: _Description = None


class _Limit(_Closed):
    project_id: Id | None = None
    domain_id: Id | None = None
    service_id: _ServiceId
    region_id: _RegionId | None = None
    resource_name: LongName
    resource_limit: _Number
    description: _Description = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.project_id is None) == (self.domain_id is None):
            raise WholeMessage("A limit is one of a project or one of a domain.")
        return self


class _LimitChange(_Closed):
    resource_limit: Annotated[_Number | None, BeforeValidator(_not_null), JsonType(("integer",))] = None
    description: _Description = None


class _RegisteredBody(_Closed):
    registered_limits: Annotated[list[_Registered], Field(min_length=1)]


class _RegisteredChangeBody(_Closed):
    registered_limit: _RegisteredChange


class _LimitBody(_Closed):
    limits: Annotated[list[_Limit], Field(min_length=1)]


class _LimitChangeBody(_Closed):
    limit: _LimitChange


_NEW: dict[str, type[_Closed]] = {"registered_limit": _RegisteredBody, "limit": _LimitBody}
_CHANGES: dict[str, type[_Closed]] = {"registered_limit": _RegisteredChangeBody, "limit": _LimitChangeBody}


def created(kind: str, body: Any) -> list[dict[str, Any]]:
    """The items in the body of a ``POST``."""
    items: list[_Closed] = getattr(read(_NEW[kind], body), f"{kind}s")
    return [item.model_dump(exclude_unset=True) for item in items]


def changes(kind: str, body: Any) -> dict[str, Any]:
    """The attributes in the body of a ``PATCH``."""
    sent: dict[str, Any] = getattr(read(_CHANGES[kind], body), kind).model_dump(exclude_unset=True)
    return sent
