"""The caller and the request: an explicit first argument everywhere.

On the wire it takes the form of oslo.context's and Nova's ``to_dict()`` (one ``_context_`` key an item); a receiver
tolerates missing and unknown keys, as the originals do.
"""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from stackwire.core.attributes import attributes

IN_UNIT_OF_WORK: ContextVar[bool] = ContextVar("IN_UNIT_OF_WORK", default=False)
"""True while a database transaction is open in this task: a remote call inside one would hold its locks meanwhile."""

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The digit of a random UUID that has two bits of its kind."""
_SECRETS = frozenset({"auth_token", "service_token", "service_catalog"})
_SAME_ON_THE_WIRE = (
    "global_request_id user_name user_domain_name project_name project_domain_name system_scope auth_token"
    " service_user_id service_project_id remote_address traceparent"
)
"""Fields that are texts or None, and have one name on the wire."""


def new_request_id() -> str:
    """``req-`` and a random UUID, written here: ``uuid`` takes three times as long, for each request."""
    drawn = os.urandom(16).hex()
    return f"req-{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{_VARIANT[drawn[16]]}{drawn[17:20]}-{drawn[20:]}"


def _timestamp() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """One caller in one request. ``roles`` and ``service_roles`` are lower case."""

    request_id: str = field(default_factory=new_request_id)
    global_request_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    user_domain_id: str | None = None
    user_domain_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    system_scope: str | None = None
    roles: tuple[str, ...] = ()
    is_admin: bool = False
    auth_token: str | None = None
    service_roles: tuple[str, ...] = ()
    service_user_id: str | None = None
    service_project_id: str | None = None
    remote_address: str | None = None
    timestamp: str = field(default_factory=_timestamp)
    traceparent: str | None = None

    def has_role(self, name: str) -> bool:
        """Whether the caller has the role, in lower case."""
        return name in self.roles

    @property
    def is_service(self) -> bool:
        """True when the caller is a service, for itself or for a user: oslo.policy's ``service_roles:service``."""
        return "service" in self.service_roles or "service" in self.roles

    @property
    def action_id(self) -> str:
        """The id of a user's action in all services: the global request id, or the first request's own."""
        return self.global_request_id or self.request_id

    def as_service(self) -> "RequestContext":
        """The same user with the service role: what one service sends when it calls another for a user."""
        return replace(
            self, service_roles=tuple(dict.fromkeys((*self.service_roles, "service"))), global_request_id=self.action_id
        )

    def to_wire(self) -> dict[str, Any]:
        """The keys oslo.context and Nova put on the wire, without the ``_context_`` prefix; the token is in it."""
        identity = (self.user_id, self.project_id, self.domain_id, self.user_domain_id, self.project_domain_id)
        return {
            **attributes(self, _SAME_ON_THE_WIRE + " user_id project_id is_admin request_id timestamp"),
            "user": self.user_id,
            "project": self.project_id,
            "domain": self.domain_id,
            "user_domain": self.user_domain_id,
            "project_domain": self.project_domain_id,
            "roles": list(self.roles),
            "service_roles": list(self.service_roles),
            "user_identity": " ".join(part or "-" for part in identity),
            "is_admin_project": True,
            "read_only": False,
            "show_deleted": False,
            "read_deleted": "no",
            "resource_uuid": None,
            "quota_class": None,
            "service_catalog": [],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The context a peer sent, real Nova and Cinder included; missing keys are no error."""

        def text(*names: str) -> str | None:
            return next((wire[n] for n in names if isinstance(wire.get(n), str) and wire[n]), None)

        def names(key: str) -> tuple[str, ...]:
            value = wire.get(key)
            return tuple(str(item).lower() for item in value) if isinstance(value, list | tuple) else ()

        return cls(
            **{name: text(name) for name in _SAME_ON_THE_WIRE.split()},
            request_id=text("request_id") or new_request_id(),
            user_id=text("user_id", "user"),
            user_domain_id=text("user_domain", "user_domain_id"),
            project_id=text("project_id", "project", "tenant"),
            project_domain_id=text("project_domain", "project_domain_id"),
            domain_id=text("domain", "domain_id"),
            roles=names("roles"),
            is_admin=bool(wire.get("is_admin")),
            service_roles=names("service_roles"),
            timestamp=text("timestamp") or _timestamp(),
        )

    def redacted(self) -> dict[str, Any]:
        """The wire form for notifications, without the secrets."""
        return {key: value for key, value in self.to_wire().items() if key not in _SECRETS}

    def ids(self) -> dict[str, Any]:
        """What joins a message to its request, where the message has no context of its own."""
        return attributes(self, "request_id global_request_id traceparent")


CURRENT: ContextVar[RequestContext | None] = ContextVar("CURRENT", default=None)
"""Whose request this task works on: for what is logged, never for a decision."""


def system_context(service: str) -> RequestContext:
    """The context of sweeps and timers: the service itself, with full rights."""
    return RequestContext(user_name=service, roles=("admin", "service"), service_roles=("service",), is_admin=True)
