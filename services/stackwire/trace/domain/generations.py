"""How far each resource of a lineage is from where its properties were first set: 0 for users, 1 for their images."""

from collections.abc import Iterable

from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.transfers import Property


def generations(resource: Resource, properties: Iterable[Property]) -> dict[Resource, int]:
    """Of the resource and everything its properties went through. A transfer back, as from a snapshot to its own
    server at a rebuild, counts nothing."""
    after = _descent(resource, properties)
    numbers = dict.fromkeys(after, 0)
    waiting = [origin for origin in after if after[origin]]
    while waiting:
        origin = waiting.pop()
        later = [target for target in after[origin] if numbers[target] <= numbers[origin]]
        numbers.update(dict.fromkeys(later, numbers[origin] + 1))
        waiting += later
    first = 0 if any(known.kind == "client" for known in numbers) else 1
    return {known: number + first for known, number in numbers.items()}


def _descent(resource: Resource, properties: Iterable[Property]) -> dict[Resource, set[Resource]]:
    """What properties went to from each resource, without ways back."""
    steps = (step for found in properties for step in (*found.past, *found.future))
    transfers = {step.transfer.number: step.transfer for step in steps}
    after: dict[Resource, set[Resource]] = {resource: set()}
    for transfer in sorted(transfers.values(), key=lambda found: (found.time, found.number)):
        after.setdefault(transfer.origin, set())
        after.setdefault(transfer.target, set())
        if not _leads(after, transfer.target, transfer.origin):
            after[transfer.origin].add(transfer.target)
    return after


def _leads(after: dict[Resource, set[Resource]], origin: Resource, target: Resource) -> bool:
    waiting, visited = [origin], {origin}
    while waiting:
        at = waiting.pop()
        if at == target:
            return True
        waiting += after[at] - visited
        visited |= after[at]
    return False
