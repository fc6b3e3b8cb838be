"""What may become of an aggregate: a host is in one availability zone, and servers stay in theirs.

``nova/compute/api.py: AggregateAPI``, its checks.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from stackwire.compute.domain.errors_groups import AggregateHostsChange, AggregateNotFound, InvalidAggregateAction
from stackwire.compute.domain.model import Host
from stackwire.compute.domain.model_groups import Aggregate
from stackwire.core.errors import BadRequest

ZONE = "availability_zone"


def number(ident: str) -> int:
    """The id in a path: BadRequest for what is no number, AggregateNotFound for one that no row can have."""
    if not re.fullmatch(r"-?[0-9]+", ident, re.ASCII):
        raise BadRequest("The id of an aggregate is an integer.")
    if len(ident) > 9:
        raise AggregateNotFound(aggregate_id=ident[:100])
    return int(ident)


def check_zone(
    aggregate: Aggregate, changes: Mapping[str, str | None], others: Sequence[Aggregate], occupied: Collection[str]
) -> None:
    """InvalidAggregateAction for a zone that the aggregate's hosts cannot have.

    ``others``: all other aggregates; ``occupied``: the names of hosts with servers.
    """
    if ZONE not in changes:
        return
    zone = changes[ZONE]
    if not zone:
        raise InvalidAggregateAction(aggregate_id=aggregate.id, reason="its availability zone needs a name.")
    if elsewhere := _other_zones(aggregate.hosts, zone, others):
        raise InvalidAggregateAction(aggregate_id=aggregate.id, reason=f"hosts are in zone {elsewhere[0]} already.")
    if zone != aggregate.availability_zone and not set(occupied).isdisjoint(aggregate.hosts):
        raise InvalidAggregateAction(aggregate_id=aggregate.id, reason="servers on its hosts are in the old zone.")


def check_empty(aggregate: Aggregate) -> None:
    """InvalidAggregateAction while it has hosts."""
    if aggregate.hosts:
        raise InvalidAggregateAction(aggregate_id=aggregate.id, reason="it has hosts.")


def check_host(aggregate: Aggregate, host: Host, others: Sequence[Aggregate], *, added: bool) -> None:
    """AggregateHostsChange when the host would be in two zones, or its servers would come into another one."""
    zone, own = aggregate.availability_zone, [other for other in others if host.host in other.hosts]
    if zone is None:
        return
    if added and (elsewhere := _other_zones([host.host], zone, own)):
        reason = f"host {host.host} is in zone {elsewhere[0]} already."
        raise AggregateHostsChange(aggregate_id=aggregate.id, reason=reason)
    if host.running_vms and zone not in {other.availability_zone for other in own}:
        reason = f"the {host.running_vms} servers on host {host.host} would change their zone."
        raise AggregateHostsChange(aggregate_id=aggregate.id, reason=reason)


def _other_zones(hosts: Collection[str], zone: str, others: Sequence[Aggregate]) -> list[str]:
    """The zones beside this one that the hosts are in by other aggregates."""
    among = (other.availability_zone for other in others if not set(hosts).isdisjoint(other.hosts))
    return [other for other in among if other not in (None, zone)]
