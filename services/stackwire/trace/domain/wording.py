"""Messages and stories as a reader calls them: ``rebuild server web``, not ``POST /v2.1/servers/1f2e.../action``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stackwire.trace.domain.message import Message
from stackwire.trace.domain.resource_names import ResourceNames
from stackwire.trace.domain.resources import Resource
from stackwire.trace.domain.story import Arrow, Story

_VERSION = re.compile(r"v\d+(\.\d+)?")
_PROJECT = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|\d+")
_KINDS = {
    "types": "volume type", "os-keypairs": "keypair", "auth": "token", "os-aggregates": "aggregate",
    "os-volume_attachments": "attachment", "metadata": "metadata", "os-quota-sets": "quota", "users": "user",
}  # fmt: skip
_VERBS = {"GET": "show", "HEAD": "check", "POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_PARTS = {
    ("PUT", "file"): "upload", ("GET", "file"): "download", ("PUT", "stage"): "stage", ("POST", "import"): "import",
}  # fmt: skip
"""What is done with an image's data."""


def request_label(name: str, action: str | None, resources: Sequence[Resource], names: ResourceNames) -> str:
    """Of ``METHOD path``. ``resources``: those of the story, among which is what the request creates."""
    method, _, path = name.partition(" ")
    parts = _below_version([part for part in path.split("/") if part])
    if not parts:
        return "show versions" if method == "GET" else name
    if parts[-1] == "tokens":
        return {"POST": "log in", "DELETE": "log out"}.get(method, "check a token")
    if len(parts) == 1 or not _ID.fullmatch(parts[1]):
        return _collection_label(method, parts, resources, names)
    kind = _kind_of(parts[0])
    target = f"{kind} {names.of(Resource(kind, parts[1])) or parts[1][:8]}"
    return _member_label(method, parts[0], parts[2:], action, target)


def _below_version(parts: list[str]) -> list[str]:
    """A path's parts without the API's version and the project."""
    if not parts or not _VERSION.fullmatch(parts[0]):
        return parts
    return parts[2:] if len(parts) > 1 and _PROJECT.fullmatch(parts[1]) else parts[1:]


def _member_label(method: str, collection: str, rest: list[str], action: str | None, target: str) -> str:
    if not rest:
        return f"{_VERBS.get(method, method)} {target}"
    if rest == ["action"]:
        return f"{action or 'action on'} {target}"
    if rest[0] == "actions" and len(rest) == 2:
        return f"{rest[1]} {target}"
    if collection == "images" and (method, rest[0]) in _PARTS:
        return f"{_PARTS[method, rest[0]]} {target}"
    verb = "list" if method == "GET" and len(rest) == 1 else _VERBS.get(method, method)
    return f"{verb} {rest[0].removeprefix('os-').replace('_', ' ')} of {target}"


def _collection_label(method: str, parts: list[str], resources: Sequence[Resource], names: ResourceNames) -> str:
    kind = _kind_of(parts[0])
    if method == "POST" and len(parts) == 1:
        created = next((names.label(resource) for resource in resources if resource.kind == kind), kind)
        return f"create {created}"
    if len(parts) == 1 or parts[1] == "detail":
        verb = "list" if method in ("GET", "HEAD") else _VERBS.get(method, method)
        return f"{verb} {parts[0].removeprefix('os-')}"
    return f"{_VERBS.get(method, method)} {kind} {' '.join(parts[1:3])}"


def _kind_of(collection: str) -> str:
    plain = collection.removeprefix("os-")
    return _KINDS.get(collection) or (plain.removesuffix("s") if not plain.endswith("ss") else plain)


def message_label(message: Message | Arrow, resources: Sequence[Resource], names: ResourceNames) -> str:
    """What the message is, and what about."""
    if message.kind == "http":
        return request_label(message.name, message.action, resources, names)
    if message.kind == "crossing" and len(message.resources) == 2:
        target, origin = message.resources
        return f"{message.name}: {names.label(origin)} → {names.label(target)}"
    about = names.label(message.resources[0]) if message.resources else ""
    return f"{message.name} {about}".strip()


class Wording:
    """Views of stories and messages with what a reader calls things: ``label``, and the names of resources."""

    def __init__(self, names: ResourceNames) -> None:
        self._names = names

    def summary(self, story: Story) -> dict[str, Any]:
        """As the API lists it."""
        label = message_label(story.arrows[0], story.resources, self._names) if story.arrows else ""
        return {**story.summary(), "label": label, "resources": self._names.views(story.resources)}

    def arrow(self, arrow: Arrow, resources: Sequence[Resource], *, payload: bool = True) -> dict[str, Any]:
        """One arrow of a story with these resources."""
        label = message_label(arrow, resources, self._names)
        if arrow.end_number is not None:
            label = label.replace(".start", "", 1)
        return {**arrow.as_json(payload=payload), "label": label, "resources": self._names.views(arrow.resources)}

    def message(self, message: Message, *, payload: bool = True) -> dict[str, Any]:
        """A message by itself: which resource a request created is not known then."""
        return {
            **message.as_json(payload=payload),
            "label": message_label(message, message.resources, self._names),
            "resources": self._names.views(message.resources),
        }

    def lineage(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """A lineage with the names of all resources in it."""
        return {**view, "resource": self.resource(view["resource"])}

    def resource(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """A resource with its name."""
        return {**view, "name": self._names.of(Resource(str(view["kind"]), str(view["id"])))}
