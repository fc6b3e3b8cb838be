"""Which messages and stories a list has, by the parameters of a query."""

from collections.abc import Callable, Iterable, Mapping

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.resource_names import ResourceNames
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Story


def is_enabled(query: Mapping[str, str], name: str) -> bool:
    """False only for ``name=false``."""
    return query.get(name, "true").lower() != "false"


def message_filter(query: Mapping[str, str], names: ResourceNames) -> Callable[[Message], bool]:
    """``resource`` (the beginning of an id, or a name), ``request``, ``kind``, ``event`` (part of a message's name),
    ``service`` (part of either end), ``sender`` and ``receiver`` (either end, whole); all that are given must match.

    ``deliveries=false`` leaves out the deliveries of a published message, ``housekeeping=false`` periodic messages,
    ``reads=false`` plain reads over HTTP, ``logins=false`` requests of tokens.
    """
    checks: dict[str, Callable[[Message, str], bool]] = {
        "resource": lambda message, value: _is_about(message.resources, value, names),
        "request": lambda message, value: value in (message.request_id, message.global_request_id),
        "kind": lambda message, value: message.kind == value,
        "event": lambda message, value: value in message.name or value in (message.action or ""),
        "service": lambda message, value: value in message.sender or value in message.receiver,
        "sender": lambda message, value: message.sender == value,
        "receiver": lambda message, value: message.receiver == value,
    }
    active = [(checks[name], query[name]) for name in checks if query.get(name)]
    deliveries, housekeeping = is_enabled(query, "deliveries"), is_enabled(query, "housekeeping")
    reads, logins = is_enabled(query, "reads"), is_enabled(query, "logins")

    def matches(message: Message) -> bool:
        if (message.step == "deliver" and not deliveries) or (message.housekeeping and not housekeeping):
            return False
        if message.kind == "http" and ((message.is_read and not reads) or (message.is_login and not logins)):
            return False
        return all(check(message, value) for check, value in active)

    return matches


def story_filter(query: Mapping[str, str], names: ResourceNames) -> Callable[[Story], bool]:
    """``request``, ``resource`` (the beginning of an id, or a name), ``service`` (part of a participant's name),
    ``event`` (part of a message's name, or of an action's) and ``status`` (200, or ``4xx``, or ``failed``); all that
    are given and not empty must match.

    ``reads=false`` leaves out stories of nothing but reads over HTTP, ``logins=false`` those of a request of a token,
    ``housekeeping=false`` those of periodic messages.
    """
    checks: dict[str, Callable[[Story, str], bool]] = {
        "request": lambda story, value: any(value in id for id in (story.id, *story.request_ids)),
        "resource": lambda story, value: _is_about(story.resources, value, names),
        "service": lambda story, value: any(value in participant for participant in story.participants),
        "event": lambda story, value: any(
            value in arrow.name or value in (arrow.action or "") for arrow in story.arrows
        ),
        "status": _has_status,
    }
    active = [(checks[name], query[name]) for name in checks if query.get(name)]
    reads, housekeeping = is_enabled(query, "reads"), is_enabled(query, "housekeeping")
    logins = is_enabled(query, "logins")

    def matches(story: Story) -> bool:
        if (story.is_housekeeping and not housekeeping) or (story.is_login and not logins):
            return False
        if story.is_plain_read and not reads:
            return False
        return all(check(story, value) for check, value in active)

    return matches


def _has_status(story: Story, value: str) -> bool:
    if value == "failed":
        return any(arrow.failure for arrow in story.arrows)
    status = "" if story.status is None else str(story.status)
    return status[:1] == value[:1] if value.endswith("xx") else status == value


def _is_about(resources: Iterable[Resource], wanted: str, names: ResourceNames) -> bool:
    return any(resource.id.startswith(wanted) or wanted == names.of(resource) for resource in resources)
