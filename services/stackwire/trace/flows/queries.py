"""What the tracer answers, in the one form its API and its command line share."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from stackwire.core.errors import BadRequest, NotFound
from stackwire.core.lineage import compare
from stackwire.trace.domain import questions
from stackwire.trace.domain.export import EXPORT_FORMATS
from stackwire.trace.domain.generations import generations
from stackwire.trace.domain.message_store import MessageStore
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story
from stackwire.trace.domain.transfers import change_json
from stackwire.trace.domain.wording import Wording
from stackwire.trace.flows.page import standalone_page


class UnknownStory(NotFound):
    """There is no message of {id}."""


class UnknownResource(NotFound):
    """There is no property transfer from or to {id}."""


class UnknownMessage(NotFound):
    """Message {number} is not kept."""


def story(store: MessageStore, wanted: str, *, payload: bool = True) -> dict[str, Any]:
    """By a request id, its beginning, or a resource's id or name: every story about it. Raises UnknownStory."""
    wording = Wording(store.names)
    return {"stories": [_story_view(wording, found, payload=payload) for found in find_stories(store, wanted)]}


def _story_view(wording: Wording, story: Story, *, payload: bool = True) -> dict[str, Any]:
    resources = story.resources
    arrows = [wording.arrow(arrow, resources, payload=payload) for arrow in story.arrows]
    return {**wording.summary(story), "arrows": arrows}


def export(store: MessageStore, wanted: str, format: str) -> tuple[str, str, str]:
    """The first of them as text, its media type, and a name for the file. Raises UnknownStory, BadRequest."""
    found = find_stories(store, wanted)[0]
    if format == "html":
        media_type, extension, text = "text/html", "html", standalone_page(_page_content(store, found))
    elif format in EXPORT_FORMATS:
        media_type, extension, render = EXPORT_FORMATS[format]
        text = render(found)
    else:
        raise BadRequest(f"form must be html or one of {', '.join(EXPORT_FORMATS)}.")
    return text, media_type, f"{found.id.removeprefix('req-')[:12]}.{extension}"


def find_stories(store: MessageStore, wanted: str) -> list[Story]:
    """By a request id, its beginning, or a resource's id or name. Raises UnknownStory."""
    store.catch_up()
    named = store.lineage.names.get(wanted)
    found = store.story(named.id if named else wanted)
    if not found:
        raise UnknownStory(id=wanted)
    return found


def message(store: MessageStore, number: int) -> dict[str, Any]:
    """One message; of a property transfer, ``verdicts`` are its changes. Raises UnknownMessage."""
    found = store.message(number)
    if found is None:
        raise UnknownMessage(number=number)
    return {**Wording(store.names).message(found), **_changes(found.kind, found.payload)}


def _changes(kind: str, envelope: Any) -> dict[str, Any]:
    payload = envelope.get("payload") if isinstance(envelope, Mapping) else None
    if kind != "crossing" or not isinstance(payload, Mapping):
        return {}
    before, after = payload.get("before"), payload.get("after")
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return {}
    changes = compare(before, after, str(payload.get("prefix", "")))
    if payload.get("partial") is True:
        changes = [change for change in changes if change.after_key is not None]
    return {"verdicts": [change_json(change) for change in changes]}


def resources(store: MessageStore) -> dict[str, Any]:
    """Everything properties went from or to, with their names."""
    store.catch_up()
    views = store.names.views(store.lineage.resources())
    for view, found in zip(views, store.lineage.resources(), strict=True):
        view["deleted"] = store.lineage.is_deleted(found)
    return {"resources": views}


def _page_content(store: MessageStore, story: Story) -> dict[str, Any]:
    """What a standalone page contains: the messages of one story, and the lineage of its resources."""
    view = _story_view(Wording(store.names), story)
    for arrow in view["arrows"]:
        arrow.update(_changes(arrow["kind"], arrow["payload"]))
    ids = [f"{resource.kind}:{resource.id}" for resource in story.resources]
    return {"stories": [view], "lineages": [lineage(store, id) for id in ids if store.lineage.find(id)]}


def lineage(store: MessageStore, wanted: str) -> dict[str, Any]:
    """By an id, its beginning, ``kind:id``, or a name. Raises UnknownResource."""
    resource = _resource(store, wanted)
    properties = store.lineage.properties_of(resource)
    known = generations(resource, properties)
    return {
        "resource": {**resource._asdict(), "name": store.names.of(resource)},
        "gone": store.lineage.is_deleted(resource),
        "properties": [found.as_json() for found in properties],
        "generations": [
            {**view, "generation": known[found]} for view, found in zip(store.names.views(known), known, strict=True)
        ],
    }


def cloud_map(store: MessageStore) -> dict[str, Any]:
    """Who sends how much to whom, since the tracer started."""
    store.catch_up()
    return {**store.map.as_json(), "now": time.time(), "bounds": store.bounds()}


def why(store: MessageStore, key: str, wanted: str) -> dict[str, Any]:
    """How a property came to a resource, or where it was lost. Raises UnknownResource."""
    resource = _resource(store, wanted)
    return {"resource": resource._asdict(), **questions.why(store.lineage, resource, key).as_json()}


def where(store: MessageStore, key: str) -> dict[str, Any]:
    """Every resource that has a property now."""
    store.catch_up()
    return {"key": key, "places": [found.as_json() for found in questions.where(store.lineage, key)]}


def diff(store: MessageStore, first: str, second: str) -> dict[str, Any]:
    """The properties of two resources side by side. Raises UnknownResource."""
    resources = _resource(store, first), _resource(store, second)
    return {
        "left": resources[0]._asdict(),
        "right": resources[1]._asdict(),
        "properties": [difference.as_json() for difference in questions.diff(store.lineage, *resources)],
    }


def _resource(store: MessageStore, wanted: str) -> Resource:
    store.catch_up()
    resource = store.lineage.find(wanted)
    if resource is None:
        raise UnknownResource(id=wanted)
    return resource


QUERIES: Mapping[str, Callable[..., dict[str, Any]]] = {
    "stories": story,
    "lineage": lineage,
    "why": why,
    "where": where,
    "diff": diff,
}
"""By the first segment of the API's paths."""
