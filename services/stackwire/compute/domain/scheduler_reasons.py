"""A decision of the scheduler as an event and in words: which filter removed which host, and by what."""

from collections.abc import Mapping, Sequence

from stackwire.compute.domain.scheduler_model import Decision
from stackwire.contracts.scheduling import FilterStep, HostSelection

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
    return HostSelection(
        instance_uuid=uuid,
        host=decision.hosts[0].host if decision.hosts else None,
        hosts=sorted({host for step in decision.steps[:1] for host in (*step.removed, *step.remaining)}),
        steps=[
            FilterStep(filter=step.filter, removed=dict(step.removed), remaining=list(step.remaining))
            for step in decision.steps
        ],
        weights={host: dict(figures) for host, figures in decision.weights.items()},
        unread_hints=[hint for hint in own if READ_BY.get(hint) not in ("", *enabled)],
    )


def in_words(selection: HostSelection) -> str:
    """One line for the log."""
    removed = [
        f"{step.filter} removed {host} ({reason})" for step in selection.steps for host, reason in step.removed.items()
    ]
    unread = [f"no enabled filter reads the hint {hint}" for hint in selection.unread_hints]
    chosen = f"goes to {selection.host}" if selection.host else "has no valid host"
    return "; ".join([f"server {selection.instance_uuid} {chosen} of {len(selection.hosts)}", *removed, *unread])
