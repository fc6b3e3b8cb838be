"""The answers of the tracer, in the one form its API and its command share."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.lineage import compare
from stackwire.trace.domain import questions
from stackwire.trace.domain.export import FORMS
from stackwire.trace.domain.message_store import Store
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story
from stackwire.trace.flows.page import standalone_page


class UnknownStory(NotFound):
    """No message of {id} has been seen."""


class UnknownResource(NotFound):
    """No property has been seen to cross from or to {id}."""


class UnknownMessage(NotFound):
    """Message {number} is not kept."""


def story(store: Store, wanted: str, *, payload: bool = True) -> dict[str, Any]:
    """By a request id, its beginning, or a resource's id or name: every story about it. Raises UnknownStory."""
    return {"stories": [one.as_json(payload=payload) for one in _stories(store, wanted)]}


def export(store: Store, wanted: str, form: str) -> tuple[str, str, str]:
    """The first of them as text, its media type, and a name for the file. Raises UnknownStory, BadRequest."""
    found = _stories(store, wanted)[0]
    if form == "html":
        kind, ending, text = "text/html", "html", standalone_page(carried(store, found))
    elif form in FORMS:
        kind, ending, make = FORMS[form]
        text = make(found)
    else:
        raise BadRequest(f"form must be html or one of {', '.join(FORMS)}.")
    return text, kind, f"{found.id.removeprefix('req-')[:12]}.{ending}"


def _stories(store: Store, wanted: str) -> list[Story]:
    store.catch_up()
    named = store.lineage.names.get(wanted)
    found = store.story(named.id if named else wanted)
    if not found:
        raise UnknownStory(id=wanted)
    return found


def message(store: Store, number: int) -> dict[str, Any]:
    """One message; of a crossing, ``verdicts`` say what became of each property. Raises UnknownMessage."""
    found = store.message(number)
    if found is None:
        raise UnknownMessage(number=number)
    return {**found.as_json(), **_verdicts(found.kind, found.payload)}


def _verdicts(kind: str, payload: Any) -> dict[str, Any]:
    told = payload.get("payload") if isinstance(payload, Mapping) else None
    if kind != "crossing" or not isinstance(told, Mapping):
        return {}
    before, after = told.get("before"), told.get("after")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return {}
    found = compare(before, after, str(told.get("prefix", "")))
    if told.get("partial") is True:
        found = [verdict for verdict in found if verdict.after_key is not None]
    return {"verdicts": [asdict(verdict) for verdict in found]}


def resources(store: Store) -> dict[str, Any]:
    """Everything properties went from or to, with the names they are known by."""
    store.catch_up()
    names = {resource: name for name, resource in store.lineage.names.items()}
    return {
        "resources": [{**found._asdict(), "name": names.get(found)} for found in store.lineage.resources()],
    }


def carried(store: Store, story: Story) -> dict[str, Any]:
    """What a page that stands alone needs of one story: its messages, and the lineage of what it was about."""
    told = story.as_json()
    for arrow in told["arrows"]:
        arrow.update(_verdicts(arrow["kind"], arrow["payload"]))
    known = [resource for resource in story.resources if store.lineage.find(f"{resource.kind}:{resource.id}")]
    return {"stories": [told], "lineages": [lineage(store, f"{one.kind}:{one.id}") for one in known]}


def lineage(store: Store, wanted: str) -> dict[str, Any]:
    """By an id, its beginning, ``kind:id``, or a name. Raises UnknownResource."""
    resource = _found(store, wanted)
    properties = [found.as_json() for found in store.lineage.of(resource)]
    return {"resource": resource._asdict(), "gone": store.lineage.is_gone(resource), "properties": properties}


def why(store: Store, key: str, wanted: str) -> dict[str, Any]:
    """How a property came to a resource, or where it was lost. Raises UnknownResource."""
    resource = _found(store, wanted)
    return {"resource": resource._asdict(), **questions.why(store.lineage, resource, key).as_json()}


def where(store: Store, key: str) -> dict[str, Any]:
    """Everything that has a property now."""
    store.catch_up()
    return {"key": key, "places": [place.as_json() for place in questions.where(store.lineage, key)]}


def diff(store: Store, left: str, right: str) -> dict[str, Any]:
    """The properties of two resources beside each other. Raises UnknownResource."""
    one, two = _found(store, left), _found(store, right)
    found = questions.diff(store.lineage, one, two)
    return {"left": one._asdict(), "right": two._asdict(), "properties": [each.as_json() for each in found]}


def _found(store: Store, wanted: str) -> Resource:
    store.catch_up()
    resource = store.lineage.find(wanted)
    if resource is None:
        raise UnknownResource(id=wanted)
    return resource


ANSWERS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "stories": story, "lineage": lineage, "why": why, "where": where, "diff": diff,
}  # fmt: skip
"""By the first word of the API's paths."""
