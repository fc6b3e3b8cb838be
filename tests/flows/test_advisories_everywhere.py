"""Old holes that concern every service. ``support/advisories.py`` has the whole table."""

import asyncio
import gc
import logging
import tracemalloc
from itertools import pairwise
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from stackwire.messaging.envelope import unwrap
from stackwire.messaging.transport import WireRecord
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, TINY_FLAVOR, a_server
from support.builders.volumes import a_volume
from support.cloud import ASharedCloud, JsonClient, TestCloud


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


async def test_cve_2012_0030_the_project_of_a_path_is_not_believed(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    await a_volume(cloud, alt)
    assert (await demo.get("compute", f"/v2.1/{alt.project_id}/servers")).status == 400
    assert (await demo.get("volume", f"/v3/{alt.project_id}/volumes")).status == 400


async def test_ossn_0103_another_project_in_a_filter_shows_nothing_more(cloud: TestCloud, demo: JsonClient) -> None:
    alt = await cloud.http("alt")
    await an_image(demo)
    await a_volume(cloud, demo)
    owned = f"/v2/images?owner={demo.project_id}&visibility=private"
    assert (await alt.get("image", owned)).ok(200).json["images"] == []
    query = f"all_tenants=1&project_id={demo.project_id}"
    volumes = (await alt.get("volume", f"/v3/{{project_id}}/volumes/detail?{query}")).ok(200).json["volumes"]
    assert demo.project_id not in {volume["os-vol-tenant-attr:tenant_id"] for volume in volumes}
    answer = await alt.get("compute", f"/v2.1/servers?tenant_id={demo.project_id}", headers=SERVER_VERSION)
    assert answer.status in (400, 403) or answer.ok(200).json["servers"] == []


async def test_ossn_0103_what_is_anothers_is_in_no_list_and_no_sum(cloud: TestCloud, demo: JsonClient) -> None:
    """Whatever a filter asks for: what hangs on volumes, key pairs, quotas, people, tokens."""
    alt = await cloud.http("alt")
    volume_id = await a_volume(cloud, demo, imageRef=await an_image(demo))
    wish = {"snapshot": {"volume_id": volume_id, "name": "theirs"}}
    (await demo.post("volume", "/v3/{project_id}/snapshots", json=wish)).ok(202)
    attach = {"attachment": {"volume_uuid": volume_id, "instance_uuid": str(uuid4())}}
    await cloud.settle()
    newest = {"OpenStack-API-Version": "volume 3.70"}
    (await demo.post("volume", "/v3/{project_id}/attachments", json=attach, headers=newest)).ok(200)
    pair = (await demo.post("compute", "/v2.1/os-keypairs", json={"keypair": {"name": "theirs"}})).json["keypair"]
    theirs = f"all_tenants=1&project_id={demo.project_id}"
    for path, empty in (
        (f"attachments?{theirs}", {"attachments": []}), (f"attachments/detail?{theirs}", {"attachments": []}),
        (f"snapshots/detail?{theirs}", {"snapshots": []}), (f"messages?{theirs}", {"messages": []}),
        (f"volumes/summary?{theirs}", {"volume-summary": {"total_size": 0, "total_count": 0, "metadata": {}}}),
    ):  # fmt: skip
        answer = await alt.get("volume", f"/v3/{{project_id}}/{path}", headers=newest)
        assert answer.status == 400 or answer.ok(200).json == empty
    for verb, service, path in (
        ("GET", "compute", f"/v2.1/servers?{theirs}"),
        ("GET", "compute", f"/v2.1/os-keypairs?user_id={pair['user_id']}"),
        ("GET", "compute", f"/v2.1/os-keypairs/theirs?user_id={pair['user_id']}"),
        ("DELETE", "compute", f"/v2.1/os-keypairs/theirs?user_id={pair['user_id']}"),
        ("GET", "compute", f"/v2.1/limits?tenant_id={demo.project_id}"),
        ("GET", "compute", f"/v2.1/os-quota-sets/{demo.project_id}"),
        ("GET", "volume", f"/v3/{{project_id}}/os-quota-sets/{demo.project_id}"),
        ("GET", "identity", f"/v3/projects/{demo.project_id}"),
        ("GET", "identity", f"/v3/users/{pair['user_id']}"),
        ("GET", "identity", "/v3/auth/tokens"),
        ("DELETE", "identity", "/v3/auth/tokens"),
    ):
        headers = SERVER_VERSION | {"X-Subject-Token": demo.token}
        answer = await alt.request(verb, service, path, headers=headers)
        assert answer.status == 403, (verb, path, answer.body[:200])
        assert b"theirs" not in answer.body
    (await demo.get("compute", "/v2.1/os-keypairs/theirs", headers=SERVER_VERSION)).ok(200)


async def test_ossn_0102_a_part_is_found_only_in_its_whole(cloud: TestCloud, demo: JsonClient) -> None:
    """Both are the caller's own; what hangs on one is not there on the other."""
    alt = await cloud.http("alt")
    one, other = [await an_image(demo, visibility="shared", tags=[name]) for name in ("one", "other")]
    first, second = [await a_server(cloud, demo, imageRef=image) for image in (one, other)]
    volume_id = await a_volume(cloud, demo)
    attach = {"volumeAttachment": {"volumeId": volume_id}}
    path = f"/v2.1/servers/{first}/os-volume_attachments"
    (await demo.post("compute", path, json=attach, headers=SERVER_VERSION)).ok(200)
    await cloud.settle()
    (await demo.post("image", f"/v2/images/{one}/members", json={"member": alt.project_id})).ok(200)
    wrong = [
        ("GET", "compute", f"/v2.1/servers/{second}/os-volume_attachments/{volume_id}", None),
        ("DELETE", "compute", f"/v2.1/servers/{second}/os-volume_attachments/{volume_id}", None),
        ("GET", "image", f"/v2/images/{other}/members/{alt.project_id}", None),
        ("PUT", "image", f"/v2/images/{other}/members/{alt.project_id}", {"status": "accepted"}),
        ("DELETE", "image", f"/v2/images/{other}/members/{alt.project_id}", None),
        ("DELETE", "image", f"/v2/images/{other}/tags/one", None),
    ]
    for verb, service, asked, body in wrong:
        client = alt if verb == "PUT" else demo
        answer = await client.request(verb, service, asked, json=body, headers=SERVER_VERSION)
        assert answer.status == 404, (verb, asked, answer.body)
    assert len((await demo.get("compute", path, headers=SERVER_VERSION)).ok(200).json["volumeAttachments"]) == 1
    (member,) = (await demo.get("image", f"/v2/images/{one}/members")).ok(200).json["members"]
    assert member["status"] == "pending"
    for server_id in (first, second):
        (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


class Orders:
    """Requests on the bus, by the user's action they belong to: what each says of who asks."""

    def __init__(self) -> None:
        self.heard: dict[str, list[dict[str, Any]]] = {}

    def hear(self, record: WireRecord) -> None:
        if record.kind == "publish":
            inner = unwrap(record.body, record.properties)
            if "method" in inner:
                action = inner.get("_context_global_request_id") or inner.get("_context_request_id")
                self.heard.setdefault(action, []).append(inner)


async def test_ossn_0060_a_service_asks_another_in_the_users_name(cloud: TestCloud, demo: JsonClient) -> None:
    """A service's own standing is beside the user's and never in its place: nobody's rights grow on the way."""
    orders = Orders()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(orders.hear)
    mine = {"X-Openstack-Request-Id": f"req-{uuid4()}"}
    wish = {"name": "srv", "flavorRef": TINY_FLAVOR, "networks": "none", "block_device_mapping_v2": [
        {"boot_index": 0, "source_type": "image", "destination_type": "volume", "uuid": await an_image(demo),
         "volume_size": 1, "delete_on_termination": True},
    ]}  # fmt: skip
    made = (await demo.post("compute", "/v2.1/servers", json={"server": wish}, headers=SERVER_VERSION | mine)).ok(202)
    await cloud.settle()
    path = f"/v2.1/servers/{made.json['server']['id']}"
    snapshot = {"createImage": {"name": "s"}}
    (await demo.post("compute", f"{path}/action", json=snapshot, headers=SERVER_VERSION | mine)).ok(202)
    (await demo.delete("compute", path, headers=SERVER_VERSION | mine)).ok(204)
    await cloud.settle()
    await watch.cancel()
    heard = orders.heard[mine["X-Openstack-Request-Id"]]
    assert len({order["method"] for order in heard}) > 10
    for order in heard:
        told = {name: order[f"_context_{name}"] for name in ("user_id", "project_id", "is_admin", "auth_token")}
        assert (told["project_id"], told["is_admin"]) == (demo.project_id, False), order["method"]
        assert told["auth_token"] in (demo.token, None), order["method"]
        assert "admin" not in order["_context_roles"], order["method"]
        assert set(order["_context_service_roles"]) <= {"service"}, order["method"]
    assert len({order["_context_user_id"] for order in heard}) == 1


async def test_ossn_0063_who_is_answered_first_decides_for_nobody_else(cloud: TestCloud, demo: JsonClient) -> None:
    """Decisions, tokens and data are remembered, but never across callers."""
    alt, admin, reader = await cloud.http("alt"), await cloud.http("admin"), await cloud.http("reader")
    image_id = await an_image(demo, visibility="private")
    volume_id = await a_volume(cloud, demo)
    server_id = await a_server(cloud, demo, imageRef=image_id)
    asked = [
        ("image", f"/v2/images/{image_id}", {demo: 200, admin: 200, reader: 200, alt: 404}),
        ("image", f"/v2/images/{image_id}/file", {demo: 200, admin: 200, reader: 403, alt: 404}),
        ("volume", f"/v3/{{project_id}}/volumes/{volume_id}", {demo: 200, alt: 404}),
        ("compute", f"/v2.1/servers/{server_id}", {demo: 200, admin: 200, reader: 200, alt: 404}),
        ("compute", f"/v2.1/servers/{server_id}/os-stackwire-guest", {admin: 200, demo: 403, reader: 403}),
    ]
    for service, path, answers in asked:
        calls = [(client, status) for _ in range(8) for client, status in answers.items()]
        got = await asyncio.gather(*(client.get(service, path) for client, _ in calls))
        assert [answer.status for answer in got] == [status for _, status in calls], path
    (await demo.delete("compute", f"/v2.1/servers/{server_id}", headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


NAMED = {
    "image": ("/v2/images", lambda name: {"name": name}),
    "volume": ("/v3/{project_id}/volumes", lambda name: {"volume": {"size": 1, "name": name}}),
    "compute": ("/v2.1/servers", lambda name: {"server": {"name": name, "flavorRef": name, "networks": "none"}}),
    "identity": ("/v3/auth/tokens", lambda name: {"auth": {"identity": {"methods": [name]}, "scope": name}}),
}


@pytest.mark.parametrize("service", NAMED)
async def test_cve_2012_1585_a_large_name_is_refused_and_hardly_a_line_in_the_log(
    cloud: TestCloud, demo: JsonClient, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path, wish = NAMED[service]
    for size, statuses in ((400_000, {400, 401}), (2_000_000, {413})):
        caplog.clear()
        answer = await demo.post(service, path, json=wish("n" * size), headers=SERVER_VERSION)
        assert answer.status in statuses, answer.body[:300]
        assert len(answer.body) < 2048
        assert sum(len(record.getMessage()) for record in caplog.records) < 2048
    answer = await demo.get(service, f"{path}?name={'n' * 7000}&limit={'9' * 500}", headers=SERVER_VERSION)
    assert answer.status in (200, 400, 404, 405, 414)
    assert sum(len(record.getMessage()) for record in caplog.records) < 2048


async def test_ossn_0101_what_is_asked_leaves_nothing_behind_in_the_process(cloud: TestCloud, demo: JsonClient) -> None:
    """Hosts, paths and tokens nobody has, each of a kilobyte: of a thousand more, less than a fifth may be kept.

    The cloud does other things meanwhile; what is kept of each request would show in each of three rounds.
    """
    urls = [f"{cloud.urls[service]}{path}" for service, path in (
        ("image", "/v2/images"), ("volume", f"/v3/{demo.project_id}/volumes"), ("compute", "/v2.1/servers"),
        ("identity", "/v3/users"),
    )]  # fmt: skip

    async def ask(session: aiohttp.ClientSession, count: int) -> None:
        for number in range(count):
            text = uuid4().hex * 32
            headers = {"Host": f"{text[:200]}.example", "X-Auth-Token": text, "X-Forwarded-Host": text}
            url = f"{urls[number % len(urls)]}/{text[:200]}"
            async with session.get(url, headers=headers) as answer:
                assert answer.status in (401, 404)

    async with aiohttp.ClientSession() as session:
        tracemalloc.start()
        try:
            await ask(session, 2000)  # what is kept up to a bound is full now
            gc.collect()
            kept = [tracemalloc.get_traced_memory()[0]]
            for _ in range(3):
                await ask(session, 1000)
                gc.collect()
                kept.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert min(after - before for before, after in pairwise(kept)) < 1000 * 1024 / 5
    (await demo.get("image", "/v2/images")).ok(200)
