"""Notifications about where servers run: aggregates of hosts. Both of Nova's formats."""

from typing import Literal

from stackwire.contracts.payload import NovaObject, Payload

AggregateVerb = Literal["create", "delete", "add_host", "remove_host", "update_prop", "update_metadata"]
LegacyAggregateVerb = Literal["create", "delete", "addhost", "removehost", "updateprop", "updatemetadata"]


class LegacyAggregate(Payload):
    """What a change is about: ``aggregate_id`` is text where the client named it in the path, absent before that.

    ``meta_data``: what is set; null removes a key. ``host_name``: the host that comes or goes.
    """

    aggregate_id: int | str | None = None
    name: str | None = None
    meta_data: dict[str, str | None] | None = None
    host_name: str | None = None


class AggregatePayload(NovaObject, version="1.1"):
    """An aggregate; ``id`` is null before it is there."""

    id: int | None
    uuid: str
    name: str
    hosts: list[str] | None
    metadata: dict[str, str] | None


class AggregateCachePayload(NovaObject, version="1.0"):
    """A host of the aggregate, the ``index``-th of ``total``, has been asked to fetch images."""

    id: int
    uuid: str
    name: str
    host: str
    images_cached: list[str]
    images_failed: list[str]
    index: int
    total: int
