"""The answers of the tracer, in the one form its API and its command share."""

from typing import Any

from stackwire.core.errors import NotFound
from stackwire.trace.store import Store


class UnknownStory(NotFound):
    """No message of {id} has been seen."""


class UnknownResource(NotFound):
    """No property has been seen to cross from or to {id}."""


def story(store: Store, wanted: str) -> dict[str, Any]:
    """By a request id, its beginning, or a resource's id or name: every story about it. Raises UnknownStory."""
    store.catch_up()
    named = store.lineage.names.get(wanted)
    found = store.story(named.id if named else wanted)
    if not found:
        raise UnknownStory(id=wanted)
    return {"stories": [one.as_json() for one in found]}


def lineage(store: Store, wanted: str) -> dict[str, Any]:
    """By an id, its beginning, ``kind:id``, or a name. Raises UnknownResource."""
    store.catch_up()
    resource = store.lineage.find(wanted)
    if resource is None:
        raise UnknownResource(id=wanted)
    properties = [found.as_json() for found in store.lineage.of(resource)]
    return {"resource": resource._asdict(), "properties": properties}
