"""Our server answers the real client, and our client asks the real server."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.oslo.conftest import Peer
from stackwire.contracts.base import Call, Cast, Contract, Fanout, Target
from stackwire.core.context import RequestContext
from stackwire.core.errors import NotFound, RemoteError
from stackwire.messaging.connect import connect
from stackwire.messaging.errors import CallTimeout, NoSuchMethod, UnsupportedVersion
from stackwire.messaging.rpc import RpcClient, RpcServer
from stackwire.messaging.signatures import Signatures
from stackwire.messaging.transport import Transport
from support.polling import pass_time, until
from support.rabbitmq import TestRabbit

pytestmark = pytest.mark.rabbitmq


class BoxNotFound(NotFound, wire="boxes.exception.BoxNotFound"):
    """No box {box_id}."""


class Box(Contract):
    id: str
    size: int


class GetBox(Call[Box], target=Target("x", "t", version="1.5"), method="get_box"):
    id: str


class Paint(Cast, target=Target("x", "t"), method="paint"):
    colour: str


class Forget(Fanout, target=Target("x", "t"), method="forget"):
    id: str


class OurBoxes:
    def __init__(self) -> None:
        self.seen: list[tuple[RequestContext, Any]] = []

    async def get(self, ctx: RequestContext, message: GetBox) -> Box:
        if message.id == "missing":
            raise BoxNotFound(box_id="missing")
        if message.id == "broken":
            raise ZeroDivisionError("broken")
        if message.id == "slow":
            await pass_time(3.5)
        return Box(id=message.id, size=len(ctx.user_id or ""))

    async def note(self, ctx: RequestContext, message: Any) -> None:
        self.seen.append((ctx, message))


@pytest.fixture(scope="module")
async def ours(bus: Transport, names: dict[str, str]) -> AsyncIterator[OurBoxes]:
    boxes = OurBoxes()
    endpoints = [GetBox.served_by(boxes.get), Paint.served_by(boxes.note), Forget.served_by(boxes.note)]
    target = Target(names["exchange"], names["topic"], version="1.5")
    server = RpcServer(bus, target, "host-a", endpoints)
    await server.start()
    yield boxes
    await server.stop()


class TestTheRealClientAsksUs:
    async def test_and_gets_its_result(self, ours: OurBoxes, caller: Peer, names: dict[str, str]) -> None:
        for server in (None, "host-a"):
            said = await caller.does(
                topic=names["topic"], server=server, version="1.3", method="get_box", args={"id": "héllo €"},
                context={"user_id": "u-1"},
            )  # fmt: skip
            assert said == {"result": {"id": "héllo €", "size": 3}}

    @pytest.mark.parametrize(
        ("order", "failed"),
        [
            ({"method": "get_box", "args": {"id": "missing"}}, "BoxNotFound"),
            ({"method": "get_box", "args": {"id": "broken"}}, "ZeroDivisionError"),
            ({"method": "get_box", "args": {}}, "TypeError"),
            ({"method": "get_box", "args": {"id": "b", "more": 1}}, "TypeError"),
            ({"method": "no_such_method"}, "NoSuchMethod"),
            ({"method": "get_box", "args": {"id": "b"}, "version": "1.9"}, "UnsupportedVersion"),
            ({"method": "get_box", "args": {"id": "b"}, "version": "2.0"}, "UnsupportedVersion"),
            ({"method": "get_box", "args": {"id": "b"}, "namespace": "other"}, "UnsupportedVersion"),
        ],
        ids=lambda value: value if isinstance(value, str) else value["method"],
    )
    async def test_and_gets_the_failure_by_its_name(
        self, ours: OurBoxes, caller: Peer, names: dict[str, str], order: dict[str, Any], failed: str
    ) -> None:
        said = await caller.does(topic=names["topic"], **order)
        assert said["failed"] == failed
        if failed == "BoxNotFound":
            assert said["message"] == "No box missing."
            assert said["lines"] >= 3

    async def test_and_waits_as_long_as_it_hears_our_heart_beat(
        self, ours: OurBoxes, caller: Peer, names: dict[str, str]
    ) -> None:
        said = await caller.does(
            topic=names["topic"], method="get_box", args={"id": "slow"}, version="1.0", timeout=30, monitor=2
        )
        assert said == {"result": {"id": "slow", "size": 0}}

    async def test_and_its_casts_and_fanouts_arrive(self, ours: OurBoxes, caller: Peer, names: dict[str, str]) -> None:
        ours.seen.clear()
        topic = names["topic"]
        await caller.does(topic=topic, method="paint", args={"colour": "red"}, cast=True, context={"user_id": "u-1"})
        await caller.does(topic=topic, server="host-a", method="paint", args={"colour": "blue"}, cast=True)
        await caller.does(topic=topic, method="forget", args={"id": "b"}, fanout=True)
        await until(lambda: len(ours.seen) == 3)
        by_method = {getattr(message, "colour", "forget"): ctx.user_id for ctx, message in ours.seen}
        assert by_method == {"red": "u-1", "blue": None, "forget": None}


@pytest.fixture(scope="module")
async def theirs(rabbitmq: TestRabbit, names: dict[str, str]) -> AsyncIterator[Peer]:
    peer = await Peer.start(rabbitmq.oslo_url, names["exchange"], "serve", "their" + names["topic"], "host-b", "1.5")
    yield peer
    await peer.stop()


@pytest.fixture(scope="module")
async def rpc(bus: Transport) -> AsyncIterator[RpcClient]:
    client = RpcClient(bus)
    yield client
    await client.close()


@pytest.fixture
def target(names: dict[str, str]) -> Target:
    return Target(names["exchange"], "their" + names["topic"], version="1.3")


class TestWeAskTheRealServer:
    async def test_and_get_its_result(self, theirs: Peer, rpc: RpcClient, target: Target) -> None:
        for server in (None, "host-b"):
            context = RequestContext(user_id="u-1").to_wire()
            result = await rpc.request(context, target, "get_box", {"id": "b"}, server=server)
            assert result == {"id": "b", "size": 3}

    async def test_and_it_reads_what_we_sign(self, theirs: Peer, rabbitmq: TestRabbit, target: Target) -> None:
        signed = await connect(rabbitmq.url, name="test", signatures=Signatures("k" * 32))
        rpc = RpcClient(signed)
        assert await rpc.request({"user_id": "u-1"}, target, "get_box", {"id": "b"}) == {"id": "b", "size": 3}
        await rpc.close()
        await signed.close()

    async def test_and_get_its_failure_as_our_own_class_with_its_facts(
        self, theirs: Peer, rpc: RpcClient, target: Target
    ) -> None:
        with pytest.raises(BoxNotFound) as caught:
            await rpc.request({}, target, "get_box", {"id": "missing"})
        assert caught.value.params == {"box_id": "missing"}
        assert caught.value.message == "No box missing."

    @pytest.mark.parametrize(
        ("method", "args", "version", "expected"),
        [
            ("no_such_method", {}, "1.0", NoSuchMethod),
            ("get_box", {"id": "b"}, "2.0", UnsupportedVersion),
            ("get_box", {"id": "b"}, "1.6", UnsupportedVersion),
            ("get_box", {}, "1.0", RemoteError),
            ("get_box", {"id": "broken"}, "1.0", RemoteError),
        ],
    )
    async def test_and_learn_what_was_wrong(
        self, theirs: Peer, rpc: RpcClient, target: Target, method: str, args: Any, version: str, expected: Any
    ) -> None:
        with pytest.raises(expected):
            await rpc.request({}, Target(target.exchange, target.topic, version=version), method, args)

    async def test_and_wait_as_long_as_we_hear_its_heart_beat(
        self, theirs: Peer, rpc: RpcClient, target: Target
    ) -> None:
        result = await rpc.request({}, target, "get_box", {"id": "slow"}, timeout=30, monitor=2)
        assert result["id"] == "slow"

    async def test_and_give_up_when_our_time_is_over(self, theirs: Peer, rpc: RpcClient, target: Target) -> None:
        with pytest.raises(CallTimeout):
            await rpc.request({}, target, "get_box", {"id": "slow"}, timeout=0.3)

    async def test_and_our_casts_and_fanouts_arrive(self, theirs: Peer, rpc: RpcClient, target: Target) -> None:
        await rpc.send({"user_id": "u-1"}, target, "paint", {"colour": "red"}, server="host-b")
        assert await theirs.says() == {"method": "paint", "colour": "red", "user": "u-1"}
        await rpc.send({}, target, "forget", {"id": "b"}, fanout=True)
        assert await theirs.says() == {"method": "forget", "id": "b"}

    async def test_and_the_same_cast_again_is_recognised_by_it(
        self, theirs: Peer, rpc: RpcClient, target: Target
    ) -> None:
        for _ in range(3):
            await rpc.send({}, target, "paint", {"colour": "once"}, unique_id="0f4c5c1e-9d6b-4f0e-8a51-6f0a3bd8d7aa")
        await rpc.send({}, target, "paint", {"colour": "last"})
        said = sorted([(await theirs.says())["colour"], (await theirs.says())["colour"]])
        assert said == ["last", "once"]
