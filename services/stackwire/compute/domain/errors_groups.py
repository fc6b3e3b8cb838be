"""What can go wrong with groups of hosts and of servers, under the names its peers know."""

from stackwire.core.errors import BadRequest, Conflict, NotFound, OverQuota


class AggregateNotFound(NotFound, wire="nova.exception.AggregateNotFound"):
    """Aggregate {aggregate_id} could not be found."""


class AggregateNameExists(Conflict, wire="nova.exception.AggregateNameExists"):
    """An aggregate named {aggregate_name} is there already."""


class AggregateHostNotFound(NotFound, wire="nova.exception.AggregateHostNotFound"):
    """Host {host} is not in aggregate {aggregate_id}."""


class AggregateHostExists(Conflict, wire="nova.exception.AggregateHostExists"):
    """Host {host} is in aggregate {aggregate_id} already."""


class AggregateHostsChange(Conflict, wire="nova.exception.InvalidAggregateActionAdd"):
    """The hosts of aggregate {aggregate_id} cannot change so: {reason}"""


class InvalidAggregateAction(BadRequest, wire="nova.exception.InvalidAggregateAction"):
    """Aggregate {aggregate_id} cannot change so: {reason}"""


class ServerGroupNotFound(NotFound, wire="nova.exception.InstanceGroupNotFound"):
    """Instance group {group_uuid} could not be found."""


class ServerGroupLimitExceeded(OverQuota, wire="nova.exception.ServerGroupLimitExceeded"):
    """Quota exceeded, too many server groups: {allowed} are allowed."""


class GroupMemberLimitExceeded(OverQuota, wire="nova.exception.GroupMemberLimitExceeded"):
    """Quota exceeded, too many servers in group: {allowed} are allowed."""


class ComputeHostNotFound(NotFound, wire="nova.exception.ComputeHostNotFound"):
    """Compute host {host} could not be found."""


class ServiceNotFound(NotFound, wire="nova.exception.ServiceNotFound"):
    """Service {service_id} could not be found."""
