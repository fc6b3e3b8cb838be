"""Fault rules between the process with the admin port and those that inject them, and the event of an injected one."""

from typing import Any

from stackwire.contracts.base import Call, Cast, Contract, Event, Fanout, Target

STACKWIRE_EXCHANGE = "stackwire"
FAULTS = Target(exchange=STACKWIRE_EXCHANGE, topic="faults")
FAULT_RULES = Target(exchange=STACKWIRE_EXCHANGE, topic="fault_rules")
FAULTS_TOPIC = "injected"
INJECTED = "fault.injected"


class FaultState(Contract):
    """``rule``: as ``core.fault_rules.FaultRule``. ``remaining_seconds``: until it expires, None where it does not."""

    id: str
    rule: dict[str, Any]
    hits: int = 0
    remaining_seconds: float | None = None


class SetFaults(Fanout, target=FAULT_RULES, method="set_faults"):
    """For every process that injects faults: all rules that are set. ``revision`` grows with each change."""

    revision: int
    faults: list[FaultState]


class ListFaults(Call[list[FaultState]], target=FAULTS, method="list_faults"):
    """All rules that are set: called when a process starts. ``process``: a name no other one has."""

    process: str


class ConfirmFaults(Cast, target=FAULTS, method="confirm_faults"):
    """The process has the rules of this revision."""

    process: str
    revision: int


class ClaimFault(Call[bool], target=FAULTS, method="claim_fault"):
    """Whether a rule may happen once more; it is counted."""

    fault_id: str


class InjectedFault(Contract):
    """``text``: for a story's reader; ``rule``: the rule that it was."""

    fault_id: str
    text: str
    rule: dict[str, Any]


def injected(service: str, fault: InjectedFault) -> Event:
    """The event ``fault.injected``, of whose request the context is."""
    return Event(
        exchange=STACKWIRE_EXCHANGE,
        topic=FAULTS_TOPIC,
        event_type=INJECTED,
        publisher_id=service,
        payload=fault.model_dump(mode="json"),
        durable=False,
    )
