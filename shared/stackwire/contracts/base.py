"""What a message is: a class whose fields are the arguments on the wire.

class GetImage(Call[ImageView], target=IMAGE, method="get_image"):
    image_id: str

image = await rpc.call(ctx, GetImage(image_id=i))        # typed: ImageView
endpoint = GetImage.served_by(flows.read.get)            # typed: (RequestContext, GetImage) -> ImageView
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter

from stackwire.core.context import RequestContext

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a message: the control exchange, the topic, and the interface's namespace and version."""

    exchange: str
    topic: str
    namespace: str | None = None
    version: str = "1.0"


class Contract(BaseModel):
    """A value that crosses the bus. Unknown keys are ignored, as the originals do, so that a peer may be newer.

    A model is built when it is first used: a process uses some of several hundred.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Message(Contract):
    """A method with its arguments. ``target`` and ``method`` are class keywords."""

    target: ClassVar[Target]
    method: ClassVar[str]

    def __init_subclass__(cls, target: Target | None = None, method: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if target is not None:
            cls.target = target
        if method is not None:
            cls.method = method

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> Self:
        """Validated arguments; pydantic's ValidationError when they do not fit."""
        return cls.model_validate(args)

    def to_args(self) -> dict[str, Any]:
        """JSON-ready arguments."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method as a server offers it: how to read its arguments, what to run, how to write its result."""

    message: type[Message]
    handler: Callable[[RequestContext, Any], Awaitable[Any]]
    encode: Callable[[Any], Any]

    @property
    def method(self) -> str:
        """The name of the method on the wire."""
        return self.message.method


class Call(Message, Generic[R]):
    """A request with a reply of type R (pydantic model, builtin, or None).

    ``repeatable``, a class keyword: asking twice does no harm, so that a call whose reply an outage of the bus may have
    taken is made again.
    """

    result: ClassVar[TypeAdapter[Any]]
    repeatable: ClassVar[bool] = False

    def __init_subclass__(cls, repeatable: bool | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if repeatable is not None:
            cls.repeatable = repeatable
        answer = _answer_type(cls)
        if answer is not None:
            cls.result = TypeAdapter(answer)

    @classmethod
    def served_by(cls, handler: Callable[[RequestContext, Self], Awaitable[R]]) -> Endpoint:
        """The endpoint with this handler."""
        return Endpoint(cls, handler, lambda value: cls.result.dump_python(value, mode="json"))

    @classmethod
    def read_result(cls, wire: Any) -> R:
        """The result as R. Raises pydantic's ValidationError when a peer sent something else."""
        value: R = cls.result.validate_python(wire)
        return value


def _answer_type(cls: type) -> Any:
    """The R of ``class X(Call[R])``; None for the generic class itself."""
    for base in cls.__bases__:
        metadata = getattr(base, "__pydantic_generic_metadata__", None)
        if metadata and metadata["origin"] is Call and not isinstance(metadata["args"][0], TypeVar):
            return type(None) if metadata["args"][0] is None else metadata["args"][0]
    for base in getattr(cls, "__orig_bases__", ()):
        arguments = get_args(base)
        if arguments and not isinstance(arguments[0], TypeVar):
            return arguments[0]
    return None


class _OneWay(Message):
    @classmethod
    def served_by(cls, handler: Callable[[RequestContext, Self], Awaitable[None]]) -> Endpoint:
        """The endpoint with this handler."""
        return Endpoint(cls, handler, lambda _: None)


class Cast(_OneWay):
    """A request without a reply, for one server."""


class Fanout(_OneWay):
    """A request without a reply, for every server of the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A notification in its envelope's own terms. The payload is JSON-ready (Glance sends a text for failures).

    ``context``: False sends an empty context, as Glance does. ``durable``: oslo declares the default queue before
    its first publish, so that events wait for a listener; False delivers to current listeners only.
    """

    exchange: str
    event_type: str
    publisher_id: str
    payload: Mapping[str, Any] | str
    priority: str = "INFO"
    topic: str = "notifications"
    context: bool = True
    durable: bool = True
    resource: str | None = field(default=None)
    """The id of the resource the event is about; never on the wire."""
