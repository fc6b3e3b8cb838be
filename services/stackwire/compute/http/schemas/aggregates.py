"""The bodies of ``/os-aggregates``. ``nova/api/openstack/compute/schemas/aggregates.py, aggregate_images.py``."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from stackwire.compute.http.schemas.fields import Body, Hostname, Uuid, metadata_item, printable
from stackwire.http.request import RELAXED


def _with_blanks(value: str) -> str:
    """The name without the blanks around it, which may be there."""
    if not value.strip():
        raise ValueError("is blank")
    return printable(value).strip()


def _name(value: str) -> str:
    if value != value.strip() and not RELAXED.get():
        raise ValueError("begins or ends with a blank")
    return _with_blanks(value)


def _zone(value: str) -> str:
    if ":" in value:
        raise ValueError("has a colon, which no zone's name has")
    return _name(value)


def _metadata(value: dict[str, str | None]) -> dict[str, str | None]:
    for key, text in value.items():
        metadata_item(key, text or "")
    return value


_Short = StringConstraints(min_length=1, max_length=255)
Zone = Annotated[str, _Short, AfterValidator(_zone)] | None


class NewAggregate(Body):
    """``aggregate`` of ``POST /os-aggregates``."""

    nullable = frozenset({"availability_zone"})
    name: Annotated[str, _Short, AfterValidator(_name)]
    availability_zone: Zone = None


class CreateAggregate(Body):
    """``POST /os-aggregates``."""

    aggregate: NewAggregate


class AggregateChanges(Body):
    """``aggregate`` of ``PUT /os-aggregates/{id}``."""

    nullable = frozenset({"availability_zone"})
    name: Annotated[str, _Short, AfterValidator(_with_blanks)] | None = None
    availability_zone: Zone = None

    @model_validator(mode="after")
    def _check_given(self) -> "AggregateChanges":
        if not self.model_fields_set:
            raise ValueError("does not have enough properties")
        return self


class UpdateAggregate(Body):
    """``PUT /os-aggregates/{id}``."""

    aggregate: AggregateChanges


class AggregateHost(Body):
    """The value of ``add_host`` and ``remove_host``."""

    host: Hostname


class AggregateMetadata(Body):
    """The value of ``set_metadata``; null removes a key."""

    metadata: Annotated[dict[str, str | None], AfterValidator(_metadata)]


class CachedImage(Body):
    """An image that the hosts are to fetch."""

    id: Uuid


class CacheImages(Body):
    """``POST /os-aggregates/{id}/images``."""

    cache: Annotated[list[CachedImage], Field(min_length=1)]
