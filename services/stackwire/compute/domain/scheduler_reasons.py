"""A decision of the scheduler as an event and in words: which filter removed which host, and by what."""

from collections.abc import Mapping, Sequence
from itertools import islice

from stackwire.compute.domain.scheduler_model import Decision, Step
from stackwire.contracts.scheduling import MOST_NAMED, FilterStep, HostSelection

READ_BY: Mapping[str, str] = {
    "group": "",  # the server's group, whatever filters are enabled
    "same_host": "SameHostFilter",
    "different_host": "DifferentHostFilter",
    "build_near_host_ip": "SimpleCIDRAffinityFilter",
    "query": "JsonFilter",
    "cidr": "SimpleCIDRAffinityFilter",
}
"""Scheduler hints, and the filter that reads each."""


def selection_of(
    uuid: str, decision: Decision, hints: Mapping[str, Sequence[str]], enabled: Sequence[str]
) -> HostSelection:
    """The event's payload."""
    own = [hint for hint in hints if not hint.startswith("_nova")]
    first = decision.steps[0] if decision.steps else Step(filter="", removed={}, remaining=())
    return HostSelection(
        instance_uuid=uuid,
        host=decision.hosts[0].host if decision.hosts else None,
        hosts=sorted((*first.removed, *first.remaining))[:MOST_NAMED],
        considered=len(first.removed) + len(first.remaining),
        steps=[_step(step) for step in decision.steps],
        weights={host.host: dict(decision.weights[host.host]) for host in decision.hosts[:MOST_NAMED]},
        unread_hints=[hint for hint in own if READ_BY.get(hint) not in ("", *enabled)],
    )


def _step(step: Step) -> FilterStep:
    return FilterStep(
        filter=step.filter,
        removed=dict(islice(step.removed.items(), MOST_NAMED)),
        remaining=list(step.remaining[:MOST_NAMED]),
        removed_count=len(step.removed),
        remaining_count=len(step.remaining),
    )


def in_words(selection: HostSelection) -> str:
    """One line for the log."""
    removed = [
        f"{step.filter} removed {host} ({reason})" for step in selection.steps for host, reason in step.removed.items()
    ]
    unnamed = {step.filter: step.removed_count - len(step.removed) for step in selection.steps}
    removed += [f"{name} removed {count} more" for name, count in unnamed.items() if count]
    unread = [f"no enabled filter reads the hint {hint}" for hint in selection.unread_hints]
    chosen = f"goes to {selection.host}" if selection.host else "has no valid host"
    return "; ".join([f"server {selection.instance_uuid} {chosen} of {selection.considered}", *removed, *unread])
