"""Nonsense of every kind: the answer is always a clear 4xx (or 501), never a 5xx of surprise, and nothing is left."""

import itertools

from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, TINY_FLAVOR
from support.cloud import TestCloud

VALUES = [
    None, True, -1, 2**40, 1.5, "", " ", "x" * 300, "\U0001f4be" * 90, [], [None], {}, {"a": {"b": []}},
    "11111111-1111-4111-8111-111111111111",
]  # fmt: skip


def words(text: str) -> list[str]:
    return text.split()


FIELDS = words(
    "name flavorRef imageRef adminPass metadata networks OS-DCF:diskConfig accessIPv4 accessIPv6 availability_zone "
    "block_device_mapping block_device_mapping_v2 config_drive key_name min_count max_count return_reservation_id "
    "security_groups user_data description tags trusted_image_certificates host hypervisor_hostname hostname"
)
DEVICE_FIELDS = words(
    "source_type destination_type uuid image_id volume_id snapshot_id volume_size volume_type boot_index device_name "
    "device_type disk_bus guest_format delete_on_termination no_device tag"
)
ACTIONS = words(
    "createImage rebuild os-start os-stop reboot pause unpause suspend resume lock unlock os-getConsoleOutput "
    "os-resetState forceDelete resize shelve unshelve shelveOffload nothing"
)
QUERIES = words(
    "name status limit marker sort_key sort_dir changes-since changes-before image flavor tags not-tags locked deleted "
    "all_tenants ip created_at power_state uuid reservation_id"
)
LATEST = {"OpenStack-API-Version": "compute latest"}
EXPECTED = {200, 202, 400, 403, 404, 409, 415, 501}


async def test_odd_values_in_a_new_server(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    good = {"name": "s", "flavorRef": TINY_FLAVOR, "imageRef": await an_image(demo), "networks": "none"}
    for field, value in itertools.product(FIELDS, VALUES):
        body = {"server": good | {field: value}}
        answer = await demo.post("compute", "/v2.1/servers", json=body, headers=LATEST)
        assert answer.status in EXPECTED, (field, value, answer.body)
    for field, value in itertools.product(DEVICE_FIELDS, VALUES):
        device = {"source_type": "image", "destination_type": "volume", "uuid": good["imageRef"], "boot_index": 0}
        body = {"server": good | {"imageRef": "", "block_device_mapping_v2": [device | {field: value}]}}
        answer = await demo.post("compute", "/v2.1/servers", json=body, headers=LATEST)
        assert answer.status in EXPECTED, (field, value, answer.body)
    await cloud.settle()


async def test_odd_values_in_a_change_of_a_server(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    wish = {"server": {"name": "s", "flavorRef": TINY_FLAVOR, "imageRef": await an_image(demo), "networks": "none"}}
    made = (await demo.post("compute", "/v2.1/servers", json=wish, headers=SERVER_VERSION)).ok(202).json["server"]["id"]
    await cloud.settle()
    fields = words("name description hostname accessIPv4 accessIPv6 OS-DCF:diskConfig pinned_availability_zone")
    for field, value in itertools.product(fields, VALUES):
        answer = await demo.put("compute", f"/v2.1/servers/{made}", json={"server": {field: value}}, headers=LATEST)
        assert answer.status in EXPECTED, (field, value, answer.body)
    answer = await demo.put("compute", f"/v2.1/servers/{made}", json={"server": {"hostname": None}}, headers=LATEST)
    assert answer.status == 400
    rebuild = {"rebuild": {"imageRef": wish["server"]["imageRef"], "hostname": None}}
    answer = await demo.post("compute", f"/v2.1/servers/{made}/action", json=rebuild, headers=LATEST)
    assert answer.status == 400


async def test_odd_actions_queries_and_paths(cloud: TestCloud) -> None:
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    wish = {"server": {"name": "s", "flavorRef": TINY_FLAVOR, "imageRef": await an_image(demo), "networks": "none"}}
    made = (await demo.post("compute", "/v2.1/servers", json=wish, headers=SERVER_VERSION)).ok(202).json["server"]["id"]
    await cloud.settle()
    base = f"/v2.1/servers/{made}"
    for name, value in itertools.product(ACTIONS, VALUES):
        if name == "forceDelete" and value in (None, {}, ""):
            continue
        answer = await demo.post("compute", f"{base}/action", json={name: value}, headers=LATEST)
        assert answer.status in EXPECTED, (name, value, answer.body)
    await cloud.settle()
    for client, name, value in itertools.product(
        (demo, admin), QUERIES, ["", "x", "-1", "(", "%", "é", "2026", "1" * 300]
    ):
        answer = await client.get("compute", f"/v2.1/servers/detail?{name}={value}", headers=LATEST)
        assert answer.status in EXPECTED, (name, value, answer.body)
    bodies = [{"metadata": value} for value in VALUES] + [{"meta": value} for value in VALUES] + [[], {"tags": ["a,b"]}]
    for path, body in itertools.product(("metadata", "metadata/k", "tags", "os-volume_attachments"), bodies):
        for method in ("POST", "PUT"):
            answer = await demo.request(method, "compute", f"{base}/{path}", json=body, headers=LATEST)
            assert answer.status in EXPECTED | {405}, (method, path, body, answer.body)
    for path in ("servers/%00", "servers/..%2f..", "flavors/%F0%9F%92%BE", "os-keypairs/x", "servers/x/action", "nope"):
        answer = await demo.get("compute", f"/v2.1/{path}", headers=LATEST)
        assert answer.status in EXPECTED | {405}, (path, answer.body)


async def test_versions_that_are_none(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for header, status in (
        ("compute 2.x", 400), ("compute 2", 400), ("compute 2.01", 400), ("compute 2.9999", 406), ("compute 1.1", 406),
        ("volume 3.0", 200), ("compute latest", 200), (f"compute {'9' * 5000}", 400),
    ):  # fmt: skip
        answer = await demo.get("compute", "/v2.1/servers", headers={"OpenStack-API-Version": header})
        assert answer.status == status, header
    answer = await demo.get("compute", "/v2.1/servers", headers={"X-OpenStack-Nova-API-Version": "2.50"})
    assert answer.headers["X-OpenStack-Nova-API-Version"] == "2.50"
    assert answer.headers["OpenStack-API-Version"] == "compute 2.50"
    assert "X-OpenStack-Nova-API-Version" in answer.headers["Vary"]
    assert answer.headers["X-Compute-Request-Id"] == answer.headers["X-Openstack-Request-Id"]
