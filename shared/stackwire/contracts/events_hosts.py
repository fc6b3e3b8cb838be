"""Notifications about where servers run: aggregates of hosts, groups of servers, services. Both of Nova's formats."""

from typing import Literal

from pydantic import Field

from stackwire.contracts.payload import NovaObject, Payload, Zulu

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


class LegacyServerGroup(Payload):
    """A new server group; ``_rules`` of its policy, as texts, where the version of the request has such."""

    project_id: str
    policy: str
    name: str
    user_id: str
    rules: dict[str, str] = Field(alias="_rules", default={})
    server_group_id: str


class LegacyServerGroupChange(Payload):
    """Servers that came to a group; without them: it is deleted."""

    server_group_id: str
    instance_uuids: list[str] | None = None


class ServerGroupPayload(NovaObject, version="1.1"):
    """A server group; ``hosts`` of its servers where the scheduler tells of it."""

    uuid: str
    name: str
    user_id: str
    project_id: str
    policies: list[str]
    members: list[str]
    hosts: list[str] | None
    policy: str
    rules: dict[str, str]


class ServiceStatusPayload(NovaObject, version="1.1"):
    """A service that was changed or deleted; ``last_seen_up``: its last heartbeat."""

    host: str
    binary: str
    topic: str
    report_count: int
    disabled: bool
    disabled_reason: str | None
    availability_zone: None
    last_seen_up: Zulu | None
    forced_down: bool
    version: int
    uuid: str


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
