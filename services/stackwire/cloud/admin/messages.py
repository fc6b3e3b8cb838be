"""The bus of the cloud, for tests: messages published on it, and answers to RPC in place of a service."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stackwire.cloud.admin.deps import AdminDeps
from stackwire.cloud.admin.route import AdminRoute
from stackwire.contracts.base import Event, Target
from stackwire.core.context import system_context
from stackwire.core.errors import NotFound
from stackwire.core.ids import new_id
from stackwire.http.request import body, respond
from stackwire.messaging.envelope import wrap
from stackwire.messaging.notify import Notifier
from stackwire.messaging.rpc import RpcClient
from stackwire.messaging.stand_ins import StandIn
from stackwire.messaging.transport import STANDARD, Address

Text = Annotated[str, Field(min_length=1, max_length=255)]


class StandInNotFound(NotFound):
    """There is no stand-in {id}."""


class PublishedMessage(BaseModel):
    """``notification``: ``event_type`` and ``payload``; ``cast`` and ``fanout``: ``method`` and ``args`` for a
    ``topic``, and one ``server``; ``raw``: ``payload`` to a ``routing_key``, in oslo.messaging's envelope.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["notification", "cast", "fanout", "raw"]
    exchange: Text
    topic: Text = "notifications"
    event_type: Text | None = None
    publisher_id: Text = "stackwire.test"
    priority: Literal["debug", "info", "warn", "error", "critical", "audit", "sample"] = "info"
    payload: Any = None
    method: Text | None = None
    args: dict[str, Any] = {}
    version: Text = "1.0"
    namespace: Text | None = None
    server: Text | None = None
    routing_key: Text | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        needed = {"notification": "event_type", "raw": "routing_key"}.get(self.kind, "method")
        if getattr(self, needed) is None:
            raise ValueError(f"{needed} is missing")
        if self.kind == "raw" and not isinstance(self.payload, dict):
            raise ValueError("the payload is to be an object")
        return self


class Published(BaseModel):
    """The id of the message, which its receivers see; empty for one that has none."""

    message_id: str


class StandInRequest(BaseModel):
    """``method`` of a ``topic`` (of any, without one), with these ``args`` at least, is answered with ``result``, or
    fails with the text ``error``, ``count`` times; a cast is taken, and nothing done."""

    model_config = ConfigDict(extra="forbid")

    method: Text
    topic: Text | None = None
    args: dict[str, Any] = {}
    result: Any = None
    error: str | None = None
    error_class: Annotated[str, Field(pattern=r"^[\w.]+\.\w+$")] = "builtins.RuntimeError"
    count: Annotated[int, Field(gt=0)] | None = None


class StandInView(StandInRequest):
    """``calls``: the arguments of each request that it has answered."""

    id: str
    calls: list[dict[str, Any]]


class StandInAnswer(BaseModel):
    """One."""

    stand_in: StandInView


class StandInList(BaseModel):
    """The latest first, which is asked first."""

    stand_ins: list[StandInView]


class MessageHandlers:
    """Handlers of ``/bus``."""

    def __init__(self, deps: AdminDeps) -> None:
        self._cloud = deps.cloud
        self._stand_ins = deps.cloud.stand_ins

    async def publish(self, request: web.Request) -> web.Response:
        """201 when the broker has it."""
        message = await body(request, PublishedMessage)
        return respond(201, {"message_id": await self._send(message)})

    async def _send(self, message: PublishedMessage) -> str:
        transport = await self._cloud.bus()
        if message.kind == "raw":
            address = Address(message.exchange, message.routing_key or "")
            await transport.publish(address, wrap(message.payload, transport.signatures), STANDARD)
            return ""
        context = system_context("test").to_wire()
        if message.kind == "notification":
            event = Event(
                exchange=message.exchange,
                topic=message.topic,
                event_type=message.event_type or "",
                publisher_id=message.publisher_id,
                priority=message.priority,
                payload=message.payload,
                durable=False,
            )
            message_id = new_id()
            await Notifier(transport).send(event, context, message_id, self._cloud.clock.now())
            return message_id
        target = Target(
            exchange=message.exchange, topic=message.topic, namespace=message.namespace, version=message.version
        )
        await RpcClient(transport).send(
            context, target, message.method or "", message.args, server=message.server, fanout=message.kind == "fanout"
        )
        return ""

    async def list(self, request: web.Request) -> web.Response:
        """All."""
        return respond(200, {"stand_ins": [_view(each) for each in self._stand_ins.all]})

    async def create(self, request: web.Request) -> web.Response:
        """It answers from now on."""
        stand_in = self._stand_ins.add(StandIn(**(await body(request, StandInRequest)).model_dump()))
        return respond(201, {"stand_in": _view(stand_in)}, {"Location": f"/bus/stand-ins/{stand_in.id}"})

    async def show(self, request: web.Request) -> web.Response:
        """One, or 404."""
        return respond(200, {"stand_in": _view(self._found(request))})

    async def delete(self, request: web.Request) -> web.Response:
        """204: the service answers again."""
        self._stand_ins.remove(self._found(request).id)
        return respond(204)

    async def clear(self, request: web.Request) -> web.Response:
        """204: every service answers."""
        self._stand_ins.all.clear()
        return respond(204)

    def _found(self, request: web.Request) -> StandIn:
        id = request.match_info["id"]
        try:
            return self._stand_ins.get(id)
        except KeyError:
            raise StandInNotFound(id=id[:100]) from None


def _view(stand_in: StandIn) -> dict[str, Any]:
    names = (*StandInRequest.model_fields, "id")
    view = {name: getattr(stand_in, name) for name in names}
    return StandInView(**view, calls=[dict(call) for call in stand_in.calls]).model_dump(mode="json")


NOTIFICATION = {
    "kind": "notification",
    "exchange": "nova",
    "event_type": "compute.instance.exists",
    "payload": {"instance_id": "8d5e4d1a-3b2c-4f5e-9a6b-7c8d9e0f1a2b"},
}
STAND_IN = {"method": "select_destinations", "error": "No valid host", "error_class": "nova.exception.NoValidHost"}


def message_routes(deps: AdminDeps) -> Sequence[AdminRoute]:
    """``/bus`` and what lies below."""
    handlers, path = MessageHandlers(deps), "/bus/stand-ins"
    table: Sequence[tuple[str, str, Any, str, dict[str, Any]]] = (
        (
            "POST",
            "/bus/messages",
            handlers.publish,
            "Publish a message",
            {"body": PublishedMessage, "answer": Published, "status": 201, "errors": (503,), "example": NOTIFICATION},
        ),
        ("GET", path, handlers.list, "The stand-ins", {"answer": StandInList}),
        (
            "POST",
            path,
            handlers.create,
            "Answer in place of a service",
            {"body": StandInRequest, "answer": StandInAnswer, "status": 201, "example": STAND_IN},
        ),
        ("DELETE", path, handlers.clear, "Let every service answer", {"status": 204}),
        ("GET", f"{path}/{{id}}", handlers.show, "One stand-in", {"answer": StandInAnswer, "errors": (404,)}),
        ("DELETE", f"{path}/{{id}}", handlers.delete, "Let the service answer", {"status": 204, "errors": (404,)}),
    )
    return [
        AdminRoute(method=method, path=path, handler=handler, tag="bus", summary=summary, **more)
        for method, path, handler, summary, more in table
    ]
