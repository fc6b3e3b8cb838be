"""Signed messages: who has no key is no user, whatever his context claims."""

import json
from collections.abc import Awaitable, Callable, Mapping

import pytest

from stackwire.contracts.base import Call, Event, Target
from stackwire.core.context import RequestContext
from stackwire.core.metrics import DEAD_LETTERS
from stackwire.messaging.envelope import unwrap, wrap
from stackwire.messaging.errors import PoisonMessage
from stackwire.messaging.notify import Listener, Notification, Notifier
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.signatures import SIGNATURE_KEY, Signatures
from stackwire.messaging.transport import Properties, Transport, to_topic
from support.polling import until

KEY, OTHER_KEY = "k" * 32, "o" * 32
CTX = RequestContext(user_id="u", project_id="p", roles=("member",))
ADMIN = RequestContext(user_id="root", roles=("admin",), is_admin=True)
BOX = Target("boxes", "box")
Join = Callable[[], Awaitable[Transport]]


class Count(Call[int], target=BOX, method="count"):
    pass


class Counted:
    """A server on a signed bus, and the users whom it has served."""

    def __init__(self, transport: Transport, topic: str) -> None:
        self.target = Target(f"x{topic}", topic)
        self.users: list[str | None] = []
        count = Count.served_by(self.count)
        self.server = RpcServer(transport, self.target, "host", [count])
        transport.name = f"stackwire-{topic}"
        self.topic = topic

    async def count(self, ctx: RequestContext, message: Count) -> int:
        self.users.append(ctx.user_id)
        return 7

    def refused(self) -> float:
        return DEAD_LETTERS.labels(self.server._service, "forged")._value.get()


async def counted(join: Join, topic: str, *unsigned: str) -> Counted:
    transport = await join()
    transport.signatures = Signatures(KEY, unsigned)
    served = Counted(transport, topic)
    await served.server.start()
    return served


def request(ctx: RequestContext, signatures: Signatures) -> bytes:
    context = {f"_context_{key}": value for key, value in ctx.to_wire().items()}
    return wrap({"method": "count", "args": {}, "version": "1.0", **context}, signatures)


def forged() -> Mapping[str, bytes]:
    """What somebody sends who has a login at the broker and no key."""
    true = json.loads(request(CTX, Signatures(KEY)))
    more = json.loads(request(ADMIN, Signatures(KEY)))
    return {
        "no signature": request(ADMIN, Signatures()),
        "no envelope": json.dumps(json.loads(more["oslo.message"])).encode(),
        "another key": request(ADMIN, Signatures(OTHER_KEY)),
        "another's signature": json.dumps({**more, SIGNATURE_KEY: true[SIGNATURE_KEY]}).encode(),
        "no text": json.dumps({**more, SIGNATURE_KEY: 7}).encode(),
        "not ASCII": json.dumps({**more, SIGNATURE_KEY: "ä" * 64}).encode(),
    }


async def test_what_has_the_key_is_served_and_nothing_else(join: Join, topic: str) -> None:
    served = await counted(join, topic)
    stranger = await join()
    for body in forged().values():
        await stranger.publish(to_topic(served.target.exchange, topic), body)
    friend = await join()
    friend.signatures = Signatures(KEY)
    rpc = RpcClient(friend)
    assert await rpc.request(CTX.to_wire(), served.target, "count", {}) == 7
    await until(lambda: served.refused() >= len(forged()))
    assert served.users == ["u"]
    await rpc.close()


async def test_peers_without_signatures_are_let_in_where_the_operator_says_so(join: Join, topic: str) -> None:
    served = await counted(join, topic, topic)
    peer = RpcClient(await join())
    assert await peer.request(CTX.to_wire(), served.target, "count", {}) == 7
    await (await join()).publish(to_topic(served.target.exchange, topic), request(ADMIN, Signatures(OTHER_KEY)))
    await until(lambda: served.refused() >= 1)
    assert served.users == ["u"], "a wrong signature is let in nowhere"
    await peer.close()


async def test_notifications_are_signed_too(join: Join, topic: str) -> None:
    heard: list[str] = []
    listening, friend, stranger = await join(), await join(), await join()
    listening.signatures = friend.signatures = Signatures(KEY)

    async def take(notification: Notification) -> None:
        heard.append(notification.publisher_id)

    listener = Listener(listening, f"x{topic}", topic, ("info",), take)
    await listener.start()
    for transport, publisher in ((stranger, "stranger"), (friend, "friend")):
        event = Event(exchange=f"x{topic}", topic=topic, event_type="box.made", publisher_id=publisher, payload={})
        await Notifier(transport).send(event, {}, "1" if transport is friend else "2", "2026-01-01 00:00:00")
    await until(lambda: heard and listener.rejected == 1)
    assert heard == ["friend"]
    await listener.stop()


@pytest.mark.parametrize("unsigned", [(), ("box",), ("*",)])
def test_without_a_key_everything_is_let_in(unsigned: tuple[str, ...]) -> None:
    payload = {"method": "count"}
    for body in (wrap(payload), wrap(payload, Signatures(KEY))):
        assert unwrap(body, Properties(), Signatures("", unsigned), "box") == payload


@pytest.mark.parametrize(
    ("unsigned", "topic", "let_in"), [("*", "box", True), ("box", "box", True), ("box", "bo", False)]
)
def test_the_topics_that_may_be_unsigned(unsigned: str, topic: str, let_in: bool) -> None:
    signatures = Signatures(KEY, (unsigned,))
    if let_in:
        assert unwrap(wrap({"a": 1}), Properties(), signatures, topic) == {"a": 1}
    else:
        with pytest.raises(PoisonMessage, match="no signature"):
            unwrap(wrap({"a": 1}), Properties(), signatures, topic)


def test_a_short_key_is_none() -> None:
    with pytest.raises(ValueError, match="needs 32 at least"):
        Signatures("short")
