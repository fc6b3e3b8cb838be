"""Calls, casts and fanouts, on both transports."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from contract.transports.conftest import Join
from stackwire.contracts.base import Call, Cast, Contract, Endpoint, Fanout, Target
from stackwire.core.context import IN_UNIT_OF_WORK, RequestContext
from stackwire.core.errors import NotFound, RemoteError, Unavailable
from stackwire.messaging.envelope import wrap
from stackwire.messaging.errors import CallTimeout, NoSuchMethod, Undeliverable, UnsupportedVersion
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.transport import Delivery, Properties, Transport, reply_queue, to_topic, topic_queue
from support.faults import with_faults
from support.polling import until

CTX = RequestContext(user_id="u-1", project_id="p-1", roles=("member",), auth_token="sesame")


class BoxNotFound(NotFound, wire="shelves.exception.BoxNotFound"):
    """No box {box_id}."""


class Box(Contract):
    id: str
    size: int | None = None


class GetBox(Call[Box], target=Target("boxes", "unset", version="1.5"), method="get_box"):
    id: str


class Paint(Cast, target=Target("boxes", "unset"), method="paint"):
    colour: str


class Forget(Fanout, target=Target("boxes", "unset"), method="forget"):
    id: str


class Wrong(Call[None], target=Target("boxes", "unset"), method="wrong"):
    how: str


class Served:
    """A service of boxes on a topic of its own, and what reached it."""

    def __init__(self, transport: Transport, topic: str, name: str = "host-a", **options: Any) -> None:
        self.seen: list[tuple[RequestContext, Any]] = []
        self.outage = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.target = Target("x" + topic, topic, version="1.5")
        self.server = RpcServer(transport, self.target, name, self.endpoints(), **options)

    def endpoints(self) -> Sequence[Endpoint]:
        return [
            GetBox.served_by(self.get),
            Paint.served_by(self.paint),
            Forget.served_by(self.note),
            Wrong.served_by(self.wrong),
        ]

    async def get(self, ctx: RequestContext, message: GetBox) -> Box:
        self.seen.append((ctx, message))
        await self.gate.wait()
        return Box(id=message.id, size=7)

    async def paint(self, ctx: RequestContext, message: Paint) -> None:
        self.seen.append((ctx, message))
        await self.gate.wait()
        if self.outage:
            self.outage -= 1
            raise Unavailable("The database is not available.")
        if message.colour == "invisible":
            raise ValueError(message.colour)

    async def note(self, ctx: RequestContext, message: Any) -> None:
        self.seen.append((ctx, message))

    async def wrong(self, ctx: RequestContext, message: Wrong) -> None:
        if message.how == "registered":
            raise BoxNotFound(box_id="b-9", why=["because"])
        raise RuntimeError(f"cannot reach amqp://me:hush@host/ with {ctx.auth_token}, password=hush")


def at(message: Any, topic: str) -> Any:
    """The message, addressed to the topic of this test."""
    kind = type(message)
    target = Target("x" + topic, topic, kind.target.namespace, kind.target.version)
    return type(kind.__name__, (kind,), {"target": target, "__module__": __name__}).model_construct(
        **message.model_dump()
    )


@pytest.fixture
async def served(join: Join, topic: str) -> AsyncIterator[Served]:
    served = Served(await join(), topic, grace=2.0)
    await served.server.start()
    yield served
    served.gate.set()
    await served.server.stop()


@pytest.fixture
async def rpc(join: Join) -> RpcClient:
    return RpcClient(await join())


async def test_a_call_brings_back_a_typed_result(served: Served, rpc: RpcClient, topic: str) -> None:
    box = await rpc.call(CTX, at(GetBox(id="b-1"), topic))
    assert box == Box(id="b-1", size=7)
    ctx, message = served.seen[0]
    assert message.id == "b-1"
    assert (ctx.user_id, ctx.project_id, ctx.roles, ctx.auth_token) == ("u-1", "p-1", ("member",), "sesame")
    assert ctx.request_id == CTX.request_id


async def test_a_call_can_name_its_server(join: Join, topic: str) -> None:
    hosts = [Served(await join(), topic, name) for name in ("host-a", "host-b")]
    for host in hosts:
        await host.server.start()
    rpc = RpcClient(await join())
    for _ in range(3):
        await rpc.call(CTX, at(GetBox(id="b"), topic), server="host-b")
    assert [len(host.seen) for host in hosts] == [0, 3]


async def test_many_calls_at_once_get_their_own_answers(served: Served, rpc: RpcClient, topic: str) -> None:
    boxes = await asyncio.gather(*(rpc.call(CTX, at(GetBox(id=str(n)), topic)) for n in range(100)))
    assert [box.id for box in boxes] == [str(n) for n in range(100)]


async def test_a_registered_failure_comes_back_as_itself_with_its_facts(
    served: Served, rpc: RpcClient, topic: str
) -> None:
    with pytest.raises(BoxNotFound) as caught:
        await rpc.call(CTX, at(Wrong(how="registered"), topic))
    assert caught.value.params == {"box_id": "b-9", "why": ["because"]}
    assert caught.value.message == "No box b-9."


async def test_any_other_failure_is_a_remote_error_without_secrets(
    served: Served, rpc: RpcClient, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RemoteError) as caught:
        await rpc.call(CTX, at(Wrong(how="otherwise"), topic))
    assert caught.value.params["exc_type"] == "RuntimeError"
    for secret in ("hush", "sesame"):
        assert secret not in str(caught.value.params)


async def test_an_unknown_method_is_no_such_method(served: Served, rpc: RpcClient) -> None:
    with pytest.raises(NoSuchMethod):
        await rpc.request({}, served.target, "_do_cleanup", {})


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.0", UnsupportedVersion), ("1.6", UnsupportedVersion), ("1", RemoteError), ("junk", RemoteError)],
)
async def test_a_version_that_does_not_fit_is_refused(
    served: Served, rpc: RpcClient, version: str, expected: type[Exception]
) -> None:
    target = Target(served.target.exchange, served.target.topic, version=version)
    with pytest.raises(expected):
        await rpc.request({}, target, "get_box", {"id": "b"})


async def test_an_older_minor_version_is_served(served: Served, rpc: RpcClient) -> None:
    target = Target(served.target.exchange, served.target.topic, version="1.2")
    assert await rpc.request({}, target, "get_box", {"id": "b"}) == {"id": "b", "size": 7}


async def test_a_foreign_namespace_is_refused(served: Served, rpc: RpcClient) -> None:
    target = Target(served.target.exchange, served.target.topic, namespace="other", version="1.5")
    with pytest.raises(UnsupportedVersion):
        await rpc.request({}, target, "get_box", {"id": "b"})


@pytest.mark.parametrize("args", [{}, {"id": 5}, {"id": "b", "nonsense": 1}], ids=["missing", "type", "extra"])
async def test_wrong_arguments_are_a_type_error_that_shows_no_values(
    served: Served, rpc: RpcClient, args: dict[str, Any]
) -> None:
    with pytest.raises(RemoteError) as caught:
        await rpc.request({}, served.target, "get_box", args)
    assert caught.value.params["exc_type"] == "TypeError"
    assert not served.seen


async def test_a_call_nobody_ever_served_fails_at_once(rpc: RpcClient, topic: str) -> None:
    with pytest.raises(Undeliverable):
        await rpc.call(CTX, at(GetBox(id="b"), topic), timeout=30)


async def test_a_call_without_an_answer_times_out(served: Served, rpc: RpcClient, topic: str) -> None:
    served.gate.clear()
    with pytest.raises(CallTimeout):
        await rpc.call(CTX, at(GetBox(id="b"), topic), timeout=0.1)
    served.gate.set()
    assert (await rpc.call(CTX, at(GetBox(id="c"), topic))).id == "c"


async def test_a_call_inside_a_unit_of_work_raises(served: Served, rpc: RpcClient, topic: str) -> None:
    token = IN_UNIT_OF_WORK.set(True)
    try:
        with pytest.raises(RuntimeError):
            await rpc.call(CTX, at(GetBox(id="b"), topic))
    finally:
        IN_UNIT_OF_WORK.reset(token)
    assert not served.seen


async def test_a_handler_does_not_inherit_the_publishers_unit_of_work(
    served: Served, rpc: RpcClient, topic: str
) -> None:
    inside: list[bool] = []

    async def look(ctx: RequestContext, message: Any) -> None:
        inside.append(IN_UNIT_OF_WORK.get())

    served.note = look  # type: ignore[method-assign]  # the object is this test's
    served.server._dispatcher = type(served.server._dispatcher)(served.target, served.endpoints())
    token = IN_UNIT_OF_WORK.set(True)
    try:
        await rpc.fanout(CTX, at(Forget(id="b"), topic))
    finally:
        IN_UNIT_OF_WORK.reset(token)
    await until(lambda: inside)
    assert inside == [False]


@pytest.mark.slow
async def test_a_long_call_lives_as_long_as_its_server_gives_signs_of_life(
    served: Served, rpc: RpcClient, topic: str
) -> None:
    served.gate.clear()
    call = asyncio.create_task(rpc.call(CTX, at(GetBox(id="b"), topic), timeout=20, monitor=2))
    done, _ = await asyncio.wait([call], timeout=2.6)
    assert not done
    served.gate.set()
    assert (await call).id == "b"


@pytest.mark.slow
async def test_a_monitored_call_ends_when_its_server_goes_silent(join: Join, rpc: RpcClient, topic: str) -> None:
    silent = await join()

    async def swallow(delivery: Delivery) -> None:
        await delivery.ack()

    await silent.consume(topic_queue("x" + topic, topic), swallow)
    with pytest.raises(CallTimeout):
        await rpc.call(CTX, at(GetBox(id="b"), topic), timeout=30, monitor=1)


@pytest.mark.slow
async def test_a_client_may_take_silence_on_an_exchange_for_death(join: Join, topic: str) -> None:
    silent = await join()

    async def swallow(delivery: Delivery) -> None:
        await delivery.ack()

    await silent.consume(topic_queue("x" + topic, topic), swallow)
    impatient = RpcClient(await join(), {"x" + topic: 1})
    with pytest.raises(CallTimeout, match="within 1 seconds"):
        await impatient.call(CTX, at(GetBox(id="b"), topic), timeout=30)
    await impatient.close()


async def test_a_doubled_request_runs_once_and_a_doubled_reply_is_ignored(
    join: Join, served: Served, topic: str
) -> None:
    faulty, _ = with_faults(await join(), {"kind": "bus.duplicate", "match": {"method": "get_box"}})
    rpc = RpcClient(faulty)
    doubled = {"kind": "bus.duplicate", "match": {"message": "reply"}}
    served.server._transport, _ = with_faults(served.server._transport, doubled)
    for number in range(5):
        assert (await rpc.call(CTX, at(GetBox(id=str(number)), topic))).id == str(number)
    assert [message.id for _, message in served.seen] == ["0", "1", "2", "3", "4"]


async def test_casts_and_fanouts_arrive(join: Join, topic: str) -> None:
    hosts = [Served(await join(), topic, name) for name in ("host-a", "host-b")]
    for host in hosts:
        await host.server.start()
    rpc = RpcClient(await join())
    await rpc.cast(CTX, at(Paint(colour="red"), topic), server="host-a")
    await rpc.fanout(CTX, at(Forget(id="b"), topic))
    await until(lambda: len(hosts[0].seen) == 2 and len(hosts[1].seen) == 1)
    assert {message.method for _, message in hosts[0].seen} == {"paint", "forget"}


async def test_a_failing_cast_is_logged_and_not_delivered_again(
    served: Served, rpc: RpcClient, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    await rpc.cast(CTX, at(Paint(colour="invisible"), topic))
    await rpc.cast(CTX, at(Paint(colour="red"), topic))
    await until(lambda: len(served.seen) == 2 and not served.server.busy)
    assert "paint failed" in caplog.text


async def test_the_same_cast_again_is_recognised(served: Served, rpc: RpcClient) -> None:
    identity = "0f4c5c1e-9d6b-4f0e-8a51-6f0a3bd8d7aa"
    for _ in range(3):
        await rpc.send({}, served.target, "paint", {"colour": "red"}, unique_id=identity)
    await rpc.send({}, served.target, "paint", {"colour": "blue"})
    await until(lambda: len(served.seen) == 2)
    assert [message.colour for _, message in served.seen] == ["red", "blue"]


async def test_a_cast_whose_worker_stops_is_done_by_another(join: Join, topic: str) -> None:
    stopping = Served(await join(), topic, grace=0.0)
    await stopping.server.start()
    rpc = RpcClient(await join())
    stopping.gate.clear()
    await rpc.cast(CTX, at(Paint(colour="red"), topic))
    await until(lambda: stopping.seen)
    await stopping.server.stop()
    heir = Served(await join(), topic)
    await heir.server.start()
    await until(lambda: heir.seen)
    assert heir.seen[0][1].colour == "red"


async def test_a_stopping_server_lets_its_calls_end(join: Join, rpc: RpcClient, topic: str) -> None:
    served = Served(await join(), topic, grace=5.0)
    await served.server.start()
    served.gate.clear()
    call = asyncio.create_task(rpc.call(CTX, at(GetBox(id="b"), topic)))
    await until(lambda: served.seen)
    stopping = asyncio.create_task(served.server.stop())
    served.gate.set()
    assert (await call).id == "b"
    await stopping
    assert served.server.busy == 0


POISON: dict[str, tuple[bytes, Properties]] = {
    "empty": (b"", Properties()),
    "half": (b"{", Properties()),
    "list": (b"[]", Properties()),
    "null": (b"null", Properties()),
    "envelope 9.0": (b'{"oslo.version":"9.0","oslo.message":"{}"}', Properties()),
    "inner not json": (b'{"oslo.version":"2.0","oslo.message":"{"}', Properties()),
    "inner not text": (b'{"oslo.version":"2.0","oslo.message":{}}', Properties()),
    "deep": (b"[" * 100_000, Properties()),
    "nul": (b'{"oslo.version":"2.0","oslo.message":"{\\"method\\":\\"get_box\\\\u0000\\"}"}', Properties()),
    "surrogate": (b'{"method":"\\ud800"}', Properties()),
    "pickle": (b"cos\nsystem\n.", Properties(content_type="application/x-python-serialize")),
    "gzip": (b"{}", Properties(content_encoding="gzip")),
    "no type": (b"{}", Properties(content_type=None)),
    "reply to a work queue": (wrap({"method": "get_box", "_msg_id": "1", "_reply_q": "cinder-volume"}), Properties()),
    "call without a reply queue": (wrap({"method": "get_box", "_msg_id": "1"}), Properties()),
    "huge context": (wrap({"method": "get_box"} | {f"_context_{n}": 1 for n in range(10_000)}), Properties()),
    "large context": (wrap({"method": "get_box", "_context_roles": "x" * 1_000_000}), Properties()),
}


async def test_poison_is_rejected_and_the_consumer_lives(
    join: Join, served: Served, rpc: RpcClient, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    sender = await join()
    with caplog.at_level(logging.WARNING):
        for body, properties in POISON.values():
            await sender.publish(to_topic("x" + topic, topic), body, properties)
        assert (await rpc.call(CTX, at(GetBox(id="b"), topic))).id == "b"
    await until(lambda: caplog.text.count("cannot be read") == len(POISON))
    assert len(served.seen) == 1


@pytest.mark.parametrize("body", [{"args": None, "method": "get_box"}, {"args": {}}, {"version": None}])
async def test_a_malformed_call_is_answered_with_a_failure(
    join: Join, served: Served, topic: str, body: dict[str, Any]
) -> None:
    sender, answers = await join(), asyncio.Queue[Delivery]()
    binding = reply_queue()

    async def take(delivery: Delivery) -> None:
        await answers.put(delivery)

    await sender.consume(binding, take)
    await sender.publish(to_topic("x" + topic, topic), wrap(body | {"_msg_id": "m", "_reply_q": binding.queue}))
    answer = await asyncio.wait_for(answers.get(), 10)
    assert b"failure" in answer.body


async def test_a_claim_to_be_administrator_needs_the_role(served: Served, rpc: RpcClient) -> None:
    claims = [{"is_admin": True, "roles": ["reader"]}, {"is_admin": True, "roles": ["admin"]}]
    for claim in claims:
        await rpc.request(claim, served.target, "get_box", {"id": "b"})
    assert [ctx.is_admin for ctx, _ in served.seen] == [False, True]


async def test_an_answer_waits_for_a_reply_queue_that_comes_back(join: Join, served: Served, topic: str) -> None:
    sender, answers = await join(), asyncio.Queue[Delivery]()
    binding = reply_queue()

    async def take(delivery: Delivery) -> None:
        await answers.put(delivery)

    request = wrap({"method": "get_box", "args": {"id": "b"}, "_msg_id": "m", "_reply_q": binding.queue})
    await sender.publish(to_topic("x" + topic, topic), request)
    await until(lambda: served.seen and not served.server.busy)
    await sender.consume(binding, take)
    answer = await asyncio.wait_for(answers.get(), 10)
    assert b'\\"result\\"' in answer.body


async def test_a_dead_reply_queue_is_remembered_and_holds_up_nobody(
    join: Join, rpc: RpcClient, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = Served(await join(), topic, reply_timeout=0.0)
    await served.server.start()
    sender, dead = await join(), reply_queue().queue
    for number in range(3):
        request = wrap({"method": "get_box", "args": {"id": "b"}, "_msg_id": str(number), "_reply_q": dead})
        await sender.publish(to_topic("x" + topic, topic), request)
        await until(lambda: "does not exist any more" in caplog.text)
    assert (await rpc.call(CTX, at(GetBox(id="b"), topic))).id == "b"
    assert caplog.text.count("does not exist any more") == 1


def test_a_double_route_and_an_empty_table_fail_at_once(topic: str) -> None:
    from stackwire.messaging.memory import MemoryBroker, MemoryTransport

    async def get(ctx: RequestContext, message: GetBox) -> Box:
        return Box(id="")

    transport = MemoryTransport(MemoryBroker())
    for endpoints in ([], [GetBox.served_by(get), GetBox.served_by(get)]):
        with pytest.raises(ValueError, match="endpoints"):
            RpcServer(transport, Target("x", topic), "host", endpoints)


async def test_a_cast_that_finds_the_database_unavailable_is_tried_again(join: Join, topic: str) -> None:
    served = Served(await join(), topic, cast_pauses=(0.01,) * 3)
    served.outage = 3
    await served.server.start()
    await RpcClient(await join()).cast(CTX, at(Paint(colour="red"), topic))
    await until(lambda: len(served.seen) == 4 and not served.server.busy)
    assert served.server.dead_letters == 0
    await served.server.stop()


async def test_a_cast_that_finds_it_unavailable_to_the_last_is_a_counted_dead_letter(join: Join, topic: str) -> None:
    served = Served(await join(), topic, cast_pauses=(0.01,))
    served.outage = 2
    await served.server.start()
    rpc = RpcClient(await join())
    await rpc.cast(CTX, at(Paint(colour="lost"), topic))
    await until(lambda: served.server.dead_letters == 1)
    await rpc.cast(CTX, at(Paint(colour="next"), topic))
    await until(lambda: len(served.seen) == 3)
    assert [message.colour for _, message in served.seen] == ["lost", "lost", "next"]
    await served.server.stop()


async def test_a_server_that_stops_gives_a_cast_it_could_not_handle_back(join: Join, topic: str) -> None:
    first = Served(await join(), topic, cast_pauses=(60.0,), grace=0.05)
    first.outage = 1
    await first.server.start()
    await RpcClient(await join()).cast(CTX, at(Paint(colour="red"), topic))
    await until(lambda: first.seen)
    await first.server.stop()
    second = Served(await join(), topic)
    await second.server.start()
    await until(lambda: second.seen)
    assert second.seen[0][1].colour == "red"
    await second.server.stop()
