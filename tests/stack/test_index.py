"""The index of properties: true after every event, after a rebuild, and after the broker was killed."""

import asyncio
import json
import os
import random
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import aiohttp
import pytest

from stackwire.messaging.notification_listener import NotificationListener
from stackwire.messaging.transport import to_notification
from support.builders.images import PATCH
from support.cloud import ACloud, JsonClient, TestCloud
from support.polling import until
from support.postgres import skip_or_fail
from support.rabbitmq import NoRabbit, TestRabbit, keep_queues, start_broker
from support.user_actions import VOLUME, UserActions

OPERATIONS = int(os.environ.get("INDEX_OPERATIONS", "150"))
"""1,000 by ``make test-index``."""
SEED = int(os.environ.get("INDEX_SEED", "20161"))
V = "/v3/{project_id}"
KEYS = ("team", "os_distro", "colour", "note")
VALUES = ("storage", "debian", "green", "é" * 40, "")
TABLES = {
    "image": (
        "image",
        "SELECT p.image_id AS id, p.name AS key, p.value FROM image_properties p JOIN images i ON i.id = p.image_id"
        " WHERE p.deleted_at IS NULL AND i.deleted_at IS NULL",
    ),
    "volume": (
        "volume",
        "SELECT g.volume_id AS id, g.key, g.value FROM volume_glance_metadata g JOIN volumes v ON v.id = g.volume_id"
        " WHERE NOT g.deleted AND NOT v.deleted",
    ),
    "snapshot": (
        "volume",
        "SELECT g.snapshot_id AS id, g.key, g.value FROM volume_glance_metadata g"
        " JOIN snapshots s ON s.id = g.snapshot_id WHERE NOT g.deleted AND NOT s.deleted",
    ),
    "server": (
        "compute",
        "SELECT m.instance_uuid AS id, m.key, m.value FROM instance_system_metadata m"
        r" JOIN instances i ON i.uuid = m.instance_uuid WHERE m.key LIKE 'image\_%' AND NOT i.deleted",
    ),
}
SWEEPS = {"index": {"sweep_seconds": 0.5}, "volume": {"sweep_seconds": 1.0}, "compute": {"sweep_seconds": 1.0}}
Row = tuple[str, str, str, str | None]


async def in_tables(cloud: TestCloud) -> set[Row]:
    """Every property as the services have it."""
    return {
        (kind, row["id"], row["key"], row["value"])
        for kind, (service, sql) in TABLES.items()
        for row in await cloud.rows(service, sql)
    }


async def in_index(cloud: TestCloud) -> set[Row]:
    rows = await cloud.rows("index", "SELECT kind, id, key, value FROM properties")
    return {(row["kind"], row["id"], row["key"], row["value"]) for row in rows}


async def ask(cloud: TestCloud, path: str, method: str = "GET") -> Any:
    """As an administrator."""
    return (await (await cloud.http("admin")).request(method, "index", path)).json


async def places(cloud: TestCloud, path: str) -> dict[str, tuple[str, str]]:
    """Id to kind and value."""
    found = (await ask(cloud, f"/where/{path}"))["places"]
    assert [each["since"] for each in found] == sorted(each["since"] for each in found)
    return {each["resource"]["id"]: (each["resource"]["kind"], each["value"]) for each in found}


def listener(cloud: TestCloud) -> NotificationListener:
    (found,) = (each for each in cloud.cloud.services["index"]._servers if isinstance(each, NotificationListener))
    return found


async def snapshot_of(client: JsonClient, cloud: TestCloud, volume: str) -> str:
    body = {"snapshot": {"volume_id": volume}}
    created = (await client.post("volume", f"{V}/snapshots", json=body)).ok(202).json["snapshot"]
    await cloud.settle()
    return str(created["id"])


async def test_the_index_knows_where_a_property_is_as_soon_as_it_is_there(a_cloud: ACloud) -> None:
    cloud = await a_cloud(index=True)
    user = await UserActions.of(cloud)
    image = await user.image(team="storage", hw_disk_bus="scsi")
    volume = await user.volume(imageRef=image)
    server = await user.server(imageRef=image)
    snapshot = await snapshot_of(user.client, cloud, volume)
    assert await places(cloud, "team") == {
        image: ("image", "storage"), volume: ("volume", "storage"), server: ("server", "storage"),
        snapshot: ("snapshot", "storage"),
    }  # fmt: skip
    await user.patch_image(image, team="other")
    await user.volume_action(volume, **{"os-set_image_metadata": {"metadata": {"team": "mine"}}})
    await cloud.settle()
    assert (await places(cloud, "image_team"))[image] == ("image", "other")
    assert await places(cloud, "team?value=mine") == {volume: ("volume", "mine")}
    assert await places(cloud, "team?kind=snapshot") == {snapshot: ("snapshot", "storage")}
    assert (await ask(cloud, "/where/team?kind=nothing"))["error"]["code"] == 404
    await user.delete_server(server)
    await cloud.settle()
    assert server not in await places(cloud, "team")
    assert await in_index(cloud) == await in_tables(cloud)
    # poison and what is about nothing change nothing, and are counted
    bus = cloud.cloud._transports["image"]
    await bus.publish(to_notification("glance", "notifications", "info"), b"poison")
    await until(lambda: listener(cloud).rejected == 1)
    status = await ask(cloud, "/status")
    assert (status["notifications"]["rejected"], status["notifications"]["dead_letters"]) == (1, 1)
    assert status["resources"] == {"image": 1, "volume": 1, "snapshot": 1, "server": 0}


async def test_a_rebuild_reads_everything_again_page_by_page(a_cloud: ACloud) -> None:
    cloud = await a_cloud(index=True, settings={"index": {"page_size": 2, "sweep_seconds": 3600.0}})
    user = await UserActions.of(cloud)
    images = [await user.image(team=f"team-{number}") for number in range(5)]
    volume = await user.volume(imageRef=images[0])
    expected = await in_tables(cloud)
    await cloud.rows("index", "DELETE FROM properties")
    await cloud.rows(
        "index", "INSERT INTO properties (kind, id, key, value, since) VALUES ('volume', 'lost', 'team', 'x', now())"
    )
    assert await ask(cloud, "/rebuild", "POST") == {"resources": {"image": 5, "volume": 1, "snapshot": 0, "server": 0}}
    assert await in_index(cloud) == expected
    assert {kind for kind, _ in (await places(cloud, "team?value=team-0")).values()} == {"image", "volume"}
    assert volume in await places(cloud, "team")
    assert (await ask(cloud, "/status"))["last_rebuild"]["ended_at"]


async def test_what_users_may_not_read_nobody_reads_for_them(a_cloud: ACloud) -> None:
    """The pages of all projects' properties are for services, whoever can reach the bus with a user's context."""
    from stackwire.contracts.properties import ListImageProperties
    from stackwire.core.context import RequestContext
    from stackwire.core.errors import Forbidden
    from stackwire.messaging.rpc import RpcClient

    cloud = await a_cloud(services=("identity", "image"))
    client = RpcClient(cloud.cloud._transports["identity"])
    with pytest.raises(Forbidden):
        await client.call(RequestContext(project_id="p", roles=("member",)), ListImageProperties())
    await client.close()


class Operations:
    """Random things that users do; what does not work while the broker is away is let go."""

    def __init__(self, user: UserActions, admin: JsonClient, dice: random.Random) -> None:
        self.user, self.admin, self.dice = user, admin, dice
        self.client = user.client
        self.images: list[str] = []
        self.volumes: list[str] = []
        self.snapshots: list[str] = []
        self.servers: list[str] = []

    def properties(self) -> dict[str, str]:
        return {key: self.dice.choice(VALUES) for key in self.dice.sample(KEYS, self.dice.randint(1, 4))}

    async def one(self) -> None:
        """Any of these."""
        choices: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (3, self.create_image), (6, self.patch_image), (1, self.delete_image), (4, self.create_volume),
            (5, self.set_metadata), (2, self.unset_metadata), (2, self.delete_volume), (3, self.create_snapshot),
            (2, self.delete_snapshot), (2, self.create_server), (2, self.rebuild_server), (1, self.delete_server),
        ]  # fmt: skip
        weights = [weight for weight, _ in choices]
        (chosen,) = self.dice.choices([choice for _, choice in choices], weights)
        try:
            async with asyncio.timeout(60):
                await chosen()
        except (AssertionError, TimeoutError, aiohttp.ClientError, IndexError, ValueError):
            pass

    async def create_image(self) -> None:
        self.images.append(await self.user.image(**self.properties()))

    async def patch_image(self) -> None:
        image, key = self.dice.choice(self.images), self.dice.choice(KEYS)
        shown = await self.user.get_image(image)
        change = {"op": "remove", "path": f"/{key}"} if key in shown and self.dice.random() < 0.4 else {
            "op": "add", "path": f"/{key}", "value": self.dice.choice(VALUES)
        }  # fmt: skip
        await self.client.patch("image", f"/v2/images/{image}", json=[change], headers=PATCH)

    async def delete_image(self) -> None:
        if len(self.images) > 2:
            await self.client.delete("image", f"/v2/images/{self.images.pop(self.dice.randrange(len(self.images)))}")

    async def create_volume(self) -> None:
        body = {"volume": {"size": 1, "imageRef": self.dice.choice(self.images)}}
        answer = (await self.client.post("volume", f"{V}/volumes", json=body)).ok(202)
        self.volumes.append(answer.json["volume"]["id"])

    async def set_metadata(self) -> None:
        action = {"os-set_image_metadata": {"metadata": self.properties()}}
        await self.client.post("volume", f"{V}/volumes/{self.dice.choice(self.volumes)}/action", json=action)

    async def unset_metadata(self) -> None:
        action = {"os-unset_image_metadata": {"key": self.dice.choice(KEYS)}}
        await self.client.post("volume", f"{V}/volumes/{self.dice.choice(self.volumes)}/action", json=action)

    async def delete_volume(self) -> None:
        volume = self.dice.choice(self.volumes)
        if (await self.client.delete("volume", f"{V}/volumes/{volume}")).status == 202:
            self.volumes.remove(volume)

    async def create_snapshot(self) -> None:
        body = {"snapshot": {"volume_id": self.dice.choice(self.volumes)}}
        answer = (await self.client.post("volume", f"{V}/snapshots", json=body, headers=VOLUME)).ok(202)
        self.snapshots.append(answer.json["snapshot"]["id"])

    async def delete_snapshot(self) -> None:
        snapshot = self.dice.choice(self.snapshots)
        if (await self.client.delete("volume", f"{V}/snapshots/{snapshot}")).status == 202:
            self.snapshots.remove(snapshot)

    async def create_server(self) -> None:
        answer = (await self.user.request_server(imageRef=self.dice.choice(self.images))).ok(202)
        self.servers.append(answer.json["server"]["id"])

    async def rebuild_server(self) -> None:
        path = f"/v2.1/servers/{self.dice.choice(self.servers)}/action"
        await self.client.post("compute", path, json={"rebuild": {"imageRef": self.dice.choice(self.images)}})

    async def delete_server(self) -> None:
        server = self.servers.pop(self.dice.randrange(len(self.servers)))
        await self.client.delete("compute", f"/v2.1/servers/{server}")


@pytest.fixture
def broker() -> Iterator[TestRabbit]:
    try:
        found, stop = start_broker()
    except NoRabbit as error:
        skip_or_fail(str(error))
    yield found
    stop()


@pytest.mark.rabbitmq
@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_the_index_agrees_with_the_tables_after_random_operations_and_two_deaths_of_the_broker(
    broker: TestRabbit, a_cloud: ACloud
) -> None:
    cloud = await a_cloud(amqp_url=broker.url, index=True, settings=SWEEPS)
    user, admin = await UserActions.of(cloud), await cloud.http("admin")
    limits = {"volumes": -1, "gigabytes": -1, "snapshots": -1}
    path = f"{V}/os-quota-sets/{user.client.project_id}"
    (await admin.put("volume", path, json={"quota_set": limits})).ok(200)
    computes = {"quota_set": {"instances": -1, "cores": -1, "ram": -1}}
    (await admin.put("compute", f"/v2.1/os-quota-sets/{user.client.project_id}", json=computes)).ok(200)
    dice = random.Random(SEED)
    operations = Operations(user, admin, dice)
    await operations.create_image()
    deaths: list[asyncio.Task[None]] = []
    assert broker.crash is not None
    assert broker.control is not None
    await asyncio.to_thread(keep_queues, broker.control)
    for number in range(OPERATIONS):
        if number in (OPERATIONS // 3, OPERATIONS * 2 // 3):
            deaths.append(asyncio.create_task(asyncio.to_thread(broker.crash)))
        await operations.one()
    await asyncio.gather(*deaths)

    async def agrees() -> bool:
        return await in_index(cloud) == await in_tables(cloud)

    try:
        await until(agrees, 120, interval=0.5)
    except TimeoutError:
        index, tables = await in_index(cloud), await in_tables(cloud)
        pytest.fail(
            f"seed {SEED}: only in the index {sorted(index - tables)[:5]}, missing {sorted(tables - index)[:5]}"
        )
    assert len({kind for kind, *_ in await in_tables(cloud)}) == 4, "every kind of resource took part"
    outages = cloud.cloud._transports["index"].outages
    assert len(outages) >= 2


async def test_the_command_and_the_tracers_command_read_the_index(a_cloud: ACloud) -> None:
    cloud = await a_cloud(index=True)
    image = await (await UserActions.of(cloud)).image(team="storage")
    await cloud.settle()
    url = ("--index-url", cloud.urls["index"])
    user = {"OS_AUTH_URL": cloud.urls["identity"], "OS_PASSWORD": "secret"}
    admin = {**user, "OS_USERNAME": "admin", "OS_PROJECT_NAME": "admin"}

    async def run(*words: str, login: Mapping[str, str] = admin) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stackwire.cloud", *words, *url, stdout=PIPE, stderr=STDOUT,
            env={**os.environ, **login},
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    code, text = await run("index", "where", "team", "--kind", "image")
    assert (code, image in text, "team = storage" in text) == (0, True, True)
    assert await run("index", "rebuild") == (0, "resources: image 1, volume 0, snapshot 0, server 0\n")
    code, text = await run("trace", "where", "team", "--json")
    assert (code, json.loads(text)["places"][0]["resource"]) == (0, {"kind": "image", "id": image})
    assert (await run("trace", "lineage", image))[0] == 2
    assert (await run("index", "where", "team", "--kind", "nothing"))[0] == 2
    demo = {**user, "OS_USERNAME": "demo", "OS_PROJECT_NAME": "demo"}
    refusals = ((demo, "not authorized"), (user, "Log in: OS_TOKEN"), ({"OS_TOKEN": "x"}, "requires authentication"))
    for login, said in refusals:
        for command in ("index", "trace"):
            code, text = await run(command, "where", "team", login=login)
            assert (code, said in text) == (2, True), text
    token = {"OS_TOKEN": (await cloud.http("admin")).token}
    assert image in (await run("index", "where", "team", login=token))[1]


async def test_the_index_tells_administrators_alone(a_cloud: ACloud) -> None:
    """It knows the properties of every project. A revoked token is none."""
    cloud = await a_cloud(index=True, services=("identity", "image", "index"))
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    for method, path in (("GET", "/where/team"), ("GET", "/status"), ("POST", "/rebuild"), ("GET", "/nonsense")):
        (await demo.request(method, "index", path, headers={"X-Auth-Token": "none"})).ok(401)
        (await demo.request(method, "index", path)).ok(404 if path == "/nonsense" else 403)
    (await admin.get("index", "/where/team")).ok(200)
    headers = {"X-Subject-Token": admin.token}
    (await admin.delete("identity", "/v3/auth/tokens", headers=headers)).ok(204)
    await cloud.settle()
    (await admin.get("index", "/where/team")).ok(401)
