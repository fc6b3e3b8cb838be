"""``transition``: the only statement that writes a state column."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from stackwire.core.metrics import TRANSITIONS
from stackwire.core.states import Verb
from stackwire.db.table import Arguments, Table
from stackwire.db.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

M = TypeVar("M", bound="DataclassInstance")


async def transition(
    uow: UnitOfWork, table: Table[M], verb: Verb, key: Any, *, where: Mapping[str, Any] | None = None, **changes: Any
) -> M | None:
    """Compare and swap: the row in the verb's goal and with these changes, in one UPDATE.

    None when it is in no state the verb starts from, does not meet ``where`` (``column=value``), or is not there.
    ``changes`` names the goal (``status="in-use"``) where the verb has several or takes any; ValueError for another.
    """
    if verb.machine is not table.states:
        raise ValueError(f"{verb!r} does not govern the table {table.name}")
    arguments = Arguments(key)
    conditions = [table.live]
    conditions += [arguments.equals(column, states) for column, states in verb.sources.items() if states is not None]
    conditions += [arguments.equals(column, value) for column, value in (where or {}).items()]
    row = await table.write(uow, arguments, _goal(verb, changes), " AND ".join(conditions))
    result = "refused" if row is None else "done"
    TRANSITIONS.labels(verb.machine.service(), verb.machine.noun, verb.name, result).inc()
    return row


def _goal(verb: Verb, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with a state for each column the verb leads to."""
    goal: dict[str, Any] = {}
    for column, states in verb.to.items():
        if column in changes:
            if states is not None and changes[column] not in states:
                raise ValueError(f"{verb!r} does not lead to {column} {changes[column]!r}")
        elif states is not None and len(states) == 1:
            (goal[column],) = states
        else:
            raise ValueError(f"{verb!r} has several goals: {column} is to be given")
    stray = {column for column in verb.machine.columns if column in changes and column not in verb.to}
    if stray:
        raise ValueError(f"{verb!r} does not change {', '.join(sorted(stray))}")
    return {**goal, **changes}
