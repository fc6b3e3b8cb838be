"""Fault rules around a test's own transport: what a cloud with an admin port has around those of its services.

bus, rules = with_faults(transport, {"kind": "bus.drop", "match": {"method": "create_volume"}, "count": 1})
"""

from typing import Any

from stackwire.core.fault_rules import FaultRule
from stackwire.core.faults import FaultRules
from stackwire.messaging.faulty import FaultyTransport
from stackwire.messaging.transport import Transport


def with_faults(
    transport: Transport, *rules: dict[str, Any], service: str = "", away_seconds: float = 30.0
) -> tuple[FaultyTransport, FaultRules]:
    """The transport of a service, subject to these rules, and the rules."""
    found = FaultRules()
    for rule in rules:
        found.add(FaultRule.model_validate(rule))
    return FaultyTransport(transport, found.of(service), away_seconds=away_seconds), found
