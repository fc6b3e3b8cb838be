"""One command of the stock client, one story: every message and every HTTP request of it, and each property's way."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stackwire.messaging.connect import connect
from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.cloud import ACloud, TestCloud
from support.polling import until
from support.postgres import skip_or_fail
from support.processes import own_vhost
from support.user_actions import UserActions

pytestmark = pytest.mark.timeout(180)
NO_PAYLOAD: dict[str, Any] = {}


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def traced(request: pytest.FixtureRequest, a_cloud: ACloud) -> AsyncIterator[tuple[TestCloud, list[WireRecord]]]:
    """A traced cloud, and what a second watcher of the same bus has received."""
    received: list[WireRecord] = []
    if request.param == "memory":
        cloud = await a_cloud(trace=True)
        assert cloud.cloud.broker is not None
        watching = await connect("memory", name="second", broker=cloud.cloud.broker)
        await watching.watch(received.append)
        yield cloud, received
        await watching.close()
        return
    rabbit = request.getfixturevalue("rabbitmq")
    if rabbit.control is None:
        skip_or_fail("the firehose needs rabbitmqctl")
    with own_vhost(rabbit) as url:
        rabbit.control("trace_on", "-p", url.rpartition("/")[2])
        cloud = await a_cloud(amqp_url=url, trace=True)
        watching = await connect(url, name="second")
        await watching.watch(received.append)
        yield cloud, received
        await watching.close()
        await cloud.close()


async def fetch(cloud: TestCloud, path: str) -> Any:
    async with aiohttp.ClientSession(cloud.urls["trace"]) as session, session.get(path) as answer:
        return await answer.json() if answer.status == 200 else None


def payload_of(record: WireRecord) -> dict[str, Any]:
    return unwrap(record.body, record.properties) if record.kind in ("publish", "drop") else NO_PAYLOAD


def of_the_story(records: list[WireRecord], requests: set[str]) -> set[str]:
    """The ids of messages that bear one of the request ids, and of the replies to those among them that are calls."""
    found, calls = set(), set()
    for record in records:
        payload, headers = payload_of(record), record.properties.headers
        own = (payload.get("_context_request_id"), payload.get("_context_global_request_id"))
        if {*own, headers.get("request_id"), headers.get("global_request_id")} & requests and payload:
            found.add(payload["_unique_id"])
            calls.add(payload.get("_msg_id"))
        elif "method" not in payload and payload.get("_msg_id") in calls - {None}:
            found.add(payload["_unique_id"])
    return found


LANES = {
    "openstacksdk", "nova-api", "nova-conductor", "nova-scheduler", "nova-scheduler (all)", "glance-api", "cinder-api",
    "cinder-scheduler", "cinder-volume@stackwire@files", "notifications",
}  # fmt: skip
"""Who takes part, each once, but for the compute host that is chosen."""


async def test_a_server_booted_from_a_new_volume_is_one_whole_story(traced: tuple[TestCloud, list[WireRecord]]) -> None:
    cloud, received = traced
    user = await UserActions.of(cloud)
    image = await user.image(name="disk", hw_disk_bus="scsi", team="storage")
    words = "server create --flavor m1.tiny --image disk --boot-from-volume 1 --nic none --wait -f value -c id srv"
    server = (await cloud.openstack(*words.split())).strip()
    await cloud.settle()

    async def complete():
        found = await the_story(cloud, server)
        return found if found is not None and whole(found, received) else None

    story = await until(complete, 20, interval=0.1)

    arrows = story["arrows"]
    assert (arrows[0]["kind"], arrows[0]["name"], arrows[0]["receiver"]) == ("http", "POST /v2.1/servers", "nova-api")
    legs = [(arrow["sender"], arrow["receiver"]) for arrow in arrows if arrow["kind"] == "http"]
    assert legs == [("openstacksdk", "nova-api"), ("cinder-volume@stackwire@files", "glance-api")]
    assert set(story["lanes"]) == LANES | {lane for lane in story["lanes"] if lane.startswith("nova-compute@")}
    senders = {arrow["name"]: arrow["sender"] for arrow in arrows if arrow["kind"] in ("call", "cast")}
    assert senders["make_volume"] == senders["create_attachment"] == worker_of(arrows)
    assert senders["schedule_and_build_instances"] == "nova-api"
    assert [arrow["time"] for arrow in arrows] == sorted(arrow["time"] for arrow in arrows)
    assert {arrow["state"] for arrow in arrows} <= {"done", "unheard"}
    assert all(arrow["sender"] and arrow["receiver"] for arrow in arrows), "every lane has a name"
    assert all(arrow["answer_seconds"] is not None for arrow in arrows if arrow["kind"] == "call")

    guest = {found["key"]: found for found in (await fetch(cloud, f"/lineage/guest:{server}"))["properties"]}
    bus = guest["hw_disk_bus"]
    assert [(step["from"]["kind"], step["to"]["kind"], step["verdict"]) for step in bus["past"]] == [
        ("client", "image", "added"),
        ("image", "server", "renamed"),  # Nova asks the image itself; the volume gets its copy beside
        ("server", "guest", "renamed"),
    ]
    assert bus["past"][0]["to"]["id"] == image
    assert "volume" in {where["kind"] for where in (await property_of(cloud, image, "hw_disk_bus"))["now"]}


def worker_of(arrows: list[dict[str, Any]]) -> str:
    """The host that builds the server."""
    (receiver,) = [arrow["receiver"] for arrow in arrows if arrow["name"] == "build_and_run_instance"]
    return str(receiver)


async def property_of(cloud: TestCloud, resource: str, key: str) -> dict[str, Any]:
    (found,) = [one for one in (await fetch(cloud, f"/lineage/{resource}"))["properties"] if one["key"] == key]
    return dict(found)


async def the_story(cloud: TestCloud, server: str) -> dict[str, Any] | None:
    found = await fetch(cloud, f"/stories/{server}")
    created = [one for one in (found or {"stories": []})["stories"] if one["title"] == "POST /v2.1/servers"]
    return created[0] if created else None


def whole(story: dict[str, Any], received: list[WireRecord]) -> bool:
    """Every message the bus carried for these requests is an arrow, once."""
    arrows = [arrow for arrow in story["arrows"] if not arrow["inferred"] and arrow["kind"] != "http"]
    in_story = [arrow["payload"]["_unique_id"] for arrow in arrows]
    expected = of_the_story(received, set(story["request_ids"]))
    assert len(in_story) == len(set(in_story))
    return expected == set(in_story)


async def test_that_an_image_is_deleted_is_told_to_the_hosts_that_keep_it(
    traced: tuple[TestCloud, list[WireRecord]],
) -> None:
    cloud, _ = traced
    user = await UserActions.of(cloud)
    image = await user.image(team="storage")
    server = await user.server(imageRef=image)
    host = (await (await cloud.http("admin")).get("compute", f"/v2.1/servers/{server}")).json["server"]
    base = cloud.cloud.options.data_dir / "compute" / "hosts" / host["OS-EXT-SRV-ATTR:host"] / "_base"
    assert list(base.glob(f"{image}.*"))
    (await user.client.delete("image", f"/v2/images/{image}")).ok(204)
    await until(lambda: not list(base.glob(f"{image}.*")))

    async def told() -> set[tuple[str, str]]:
        found = await fetch(cloud, f"/stories/{image}")
        arrows = [arrow for story in (found or {"stories": []})["stories"] for arrow in story["arrows"]]
        legs = [(each["sender"], each["receiver"]) for each in arrows if each["name"] == "image.delete"]
        assert len(legs) == len(set(legs))
        return set(legs) if len(legs) == 3 else set()

    assert await until(told, 20, interval=0.1) == {
        ("glance-api", "notifications"), ("glance-api", "nova-compute@compute-1"),
        ("glance-api", "nova-compute@compute-2"),
    }  # fmt: skip
