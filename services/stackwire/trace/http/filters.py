"""Query parameters: numbers, switches, and which messages and stories a list has."""

from collections.abc import Callable, Iterable

import orjson
from aiohttp import web

from stackwire.core.errors import BadRequest
from stackwire.trace.domain.message import Message
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story

_MAX_DIGITS = 15


def is_enabled(request: web.Request, name: str) -> bool:
    """False only for ``?name=false``."""
    return request.query.get(name, "true").lower() != "false"


def number(request: web.Request, name: str, default: int) -> int:
    """A whole number of the query; BadRequest for anything else."""
    text = request.query.get(name)
    return default if text is None else whole_number(text, name)


def whole_number(text: str, name: str) -> int:
    """The number a text spells; BadRequest for anything else."""
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise BadRequest(f"{name} must be a whole number, not '{text[:50]}'.")
    return int(text)


def message_filter(request: web.Request) -> Callable[[Message], bool]:
    """``resource`` (the beginning of an id), ``request``, ``kind``, ``event`` (part of a message's name) and ``text``
    (anywhere in the payload); all that are given must match.

    ``deliveries=false`` leaves out the deliveries of a published message, ``housekeeping=false`` periodic messages.
    """
    query = request.query
    checks: dict[str, Callable[[Message, str], bool]] = {
        "resource": lambda message, value: _names(message.resources, value),
        "request": lambda message, value: value in (message.request_id, message.global_request_id),
        "kind": lambda message, value: message.kind == value,
        "event": lambda message, value: value in message.name,
        "text": lambda message, value: _contains(message.payload, value),
    }
    active = [(checks[name], query[name]) for name in checks if name in query]
    deliveries, housekeeping = is_enabled(request, "deliveries"), is_enabled(request, "housekeeping")

    def matches(message: Message) -> bool:
        if (message.step == "deliver" and not deliveries) or (message.housekeeping and not housekeeping):
            return False
        return all(check(message, value) for check, value in active)

    return matches


def story_filter(request: web.Request) -> Callable[[Story], bool]:
    """``request``, ``resource`` (the beginning of an id), ``service`` (part of a participant's name), ``event`` (part
    of a message's name) and ``text`` (anywhere in a payload); all that are given and not empty must match.

    ``reads=false`` leaves out stories of a single GET or HEAD, ``housekeeping=false`` those of periodic messages.
    """
    query = request.query
    checks: dict[str, Callable[[Story, str], bool]] = {
        "request": lambda story, value: any(value in id for id in (story.id, *story.request_ids)),
        "resource": lambda story, value: _names(story.resources, value),
        "service": lambda story, value: any(value in participant for participant in story.participants),
        "event": lambda story, value: any(value in arrow.name for arrow in story.arrows),
        "text": lambda story, value: any(_contains(arrow.payload, value) for arrow in story.arrows),
    }
    active = [(checks[name], query[name]) for name in checks if query.get(name)]
    reads, housekeeping = is_enabled(request, "reads"), is_enabled(request, "housekeeping")

    def matches(story: Story) -> bool:
        if (story.is_plain_read and not reads) or (story.is_housekeeping and not housekeeping):
            return False
        return all(check(story, value) for check, value in active)

    return matches


def _names(resources: Iterable[Resource], beginning: str) -> bool:
    return any(resource.id.startswith(beginning) for resource in resources)


def _contains(payload: object, text: str) -> bool:
    return text in orjson.dumps(payload).decode()
