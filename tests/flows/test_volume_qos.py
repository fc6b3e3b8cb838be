"""QoS specs: kept and shown, of volume types, and what a host is told of them. Answers are a Cinder 29's."""

from typing import Any

import pytest

from support.builders.volumes import a_volume, volume_action
from support.cloud import ACloud, Answer, JsonClient, TestCloud

V = "/v3/{project_id}"
NONE = "00000000-0000-4000-8000-000000000000"
EVENTS = "SELECT name, address->>'priority' AS priority FROM outbox WHERE name LIKE 'qos_specs.%' ORDER BY seq"


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=("identity", "volume"))


@pytest.fixture
async def admin(cloud: TestCloud) -> JsonClient:
    return await cloud.http("admin")


async def got(client: JsonClient, path: str) -> Answer:
    return await client.get("volume", f"{V}/qos-specs{path}")


async def put(client: JsonClient, path: str, body: Any) -> Answer:
    return await client.put("volume", f"{V}/qos-specs{path}", json=body)


async def specs_of(admin: JsonClient, name: str, **specs: str | None) -> str:
    answer = await admin.post("volume", f"{V}/qos-specs", json={"qos_specs": {"name": name, **specs}})
    return str(answer.ok(200).json["qos_specs"]["id"])


async def a_type(admin: JsonClient, name: str) -> str:
    answer = await admin.post("volume", f"{V}/types", json={"volume_type": {"name": name}})
    return str(answer.ok(200).json["volume_type"]["id"])


async def test_specs_are_made_changed_and_deleted(admin: JsonClient, demo: JsonClient) -> None:
    gold = await specs_of(admin, "  gold ", consumer="front-end", read_iops_sec="100", left_out=None)
    shown = (await got(admin, f"/{gold}")).ok(200).json
    assert shown["qos_specs"] == {
        "id": gold, "name": "gold", "consumer": "front-end", "specs": {"read_iops_sec": "100"}
    }  # fmt: skip
    assert [link["href"].endswith(f"/qos-specs/{gold}") for link in shown["links"]] == [True, True]
    changes = {"qos_specs": {"consumer": "both", "name": "a spec too", "b/c d": "2", "read_iops_sec": None}}
    assert (await put(admin, f"/{gold}", changes)).ok(200).json == changes
    shown = (await got(admin, f"/{gold}")).ok(200).json["qos_specs"]
    assert (shown["name"], shown["consumer"]) == ("gold", "both")
    assert shown["specs"] == {"read_iops_sec": None, "name": "a spec too", "b/c d": "2"}
    assert (await put(admin, f"/{gold}/delete_keys", {"keys": ["name", "nope", "b/c d"]})).status == 404
    assert set((await got(admin, f"/{gold}")).json["qos_specs"]["specs"]) == {"read_iops_sec", "b/c d"}
    (await put(admin, f"/{gold}/delete_keys", {"keys": ["b/c d"]})).ok(202)
    assert (await got(demo, "")).status == (await got(demo, f"/{gold}")).status == 403
    statuses = [(await admin.delete("volume", f"{V}/qos-specs/{gold}")).status for _ in range(2)]
    assert statuses == [202, 404]


NO_SPECS: tuple[dict[str, Any], ...] = (
    {}, {"name": " "}, {"name": None}, {"name": "x" * 256}, {"name": "n", "consumer": "nobody"},
    {"name": "n", "consumer": ""}, {"name": "n", "a": 1}, {"name": "n", "": "a"}, {"name": "n", "a": "x" * 256},
    {"name": "n", "a": ["1"]},
)  # fmt: skip


async def test_what_are_no_specs_is_refused(admin: JsonClient) -> None:
    taken = await specs_of(admin, "taken")
    for given in NO_SPECS:
        assert (await admin.post("volume", f"{V}/qos-specs", json={"qos_specs": given})).status == 400, given
    assert (await admin.post("volume", f"{V}/qos-specs", json={"qos_specs": {"name": "taken"}})).status == 409
    for body in ({"qos_specs": {"a": 1}}, {"qos_specs": {"": "x"}}, {"qos_specs": {"consumer": "x"}}, {}):
        assert (await put(admin, f"/{taken}", body)).status == 400, body
    for keys in ("a", [1], [""], ["a", "a"]):
        assert (await put(admin, f"/{taken}/delete_keys", {"keys": keys})).status == 400, keys
    assert [one["name"] for one in (await got(admin, "")).json["qos_specs"]] == ["taken"]


async def test_a_list_has_pages_and_the_columns_of_cinders_rows(admin: JsonClient) -> None:
    ids = [await specs_of(admin, name) for name in "bac"]

    async def names(query: str) -> list[str]:
        return [one["name"] for one in (await got(admin, query)).ok(200).json["qos_specs"]]

    assert await names("") == ["c", "a", "b"]
    page = (await got(admin, "?limit=2")).ok(200).json
    assert "marker=" + ids[1] in page["qos_specs_links"][0]["href"]
    assert await names(f"?marker={ids[1]}") == ["b"]
    assert await names("?sort=value:asc") == ["a", "b", "c"]
    assert (await names("?name=a"), await names("?value=a"), await names(f"?id={ids[0]}")) == ([], ["a"], ["b"])
    for query, status in (("?sort_key=name", 400), (f"?marker={NONE}", 404), ("?limit=-1", 400)):
        assert (await got(admin, query)).status == status


async def test_a_type_has_one_set_of_specs_at_most(cloud: TestCloud, admin: JsonClient, demo: JsonClient) -> None:
    gold, other, fast = await specs_of(admin, "gold"), await specs_of(admin, "other"), await a_type(admin, "fast")
    for _ in range(2):
        (await got(admin, f"/{gold}/associate?vol_type_id={fast}")).ok(202)
    assert (await got(admin, f"/{gold}/associations")).ok(200).json == {
        "qos_associations": [{"association_type": "volume_type", "name": "fast", "id": fast}]
    }
    statuses = [
        (await got(admin, path)).status
        for path in (
            f"/{other}/associate?vol_type_id={fast}", f"/{other}/associate?vol_type_id={NONE}", f"/{gold}/associate",
            f"/{NONE}/associate?vol_type_id={fast}", f"/{other}/disassociate?vol_type_id={fast}",
        )
    ]  # fmt: skip
    assert statuses == [400, 404, 400, 404, 202]
    shown = [(await client.get("volume", f"{V}/types/{fast}")).json["volume_type"] for client in (admin, demo)]
    assert [one.get("qos_specs_id", "hidden") for one in shown] == [gold, "hidden"]
    statuses = [(await admin.delete("volume", f"{V}/qos-specs/{gold}{q}")).status for q in ("", "?force=x", "?force=1")]
    assert statuses == [400, 400, 202]
    (await got(admin, f"/{other}/associate?vol_type_id={fast}")).ok(202)
    (await got(admin, f"/{other}/disassociate_all")).ok(202)
    assert (await admin.get("volume", f"{V}/types/{fast}")).json["volume_type"]["qos_specs_id"] is None
    told = [(row["name"], row["priority"]) for row in await cloud.rows("volume", EVENTS)]
    assert told[4:] == [
        ("qos_specs.associations", "INFO"), ("qos_specs.associate", "ERROR"), ("qos_specs.associate", "ERROR"),
        ("qos_specs.delete", "ERROR"), ("qos_specs.associate", "ERROR"), ("qos_specs.disassociate", "INFO"),
        ("qos_specs.delete", "ERROR"), ("qos_specs.delete", "INFO"), ("qos_specs.associate", "INFO"),
        ("qos_specs.disassociate_all", "INFO"),
    ]  # fmt: skip


HOST_IS_TOLD: tuple[tuple[dict[str, str], Any], ...] = (
    ({"consumer": "front-end", "read_iops_sec": "9"}, {"read_iops_sec": "9"}),
    ({"consumer": "back-end", "read_iops_sec": "9"}, None),
    ({"consumer": "both", "total_iops_sec_per_gb": "5"}, {"total_iops_sec": 10}),
    ({"consumer": "both", "total_iops_sec_per_gb": "5", "total_iops_sec_per_gb_min": "30"}, {"total_iops_sec": 30}),
    ({"consumer": "both", "total_iops_sec_per_gb": "5", "total_iops_sec_max": "7"}, {"total_iops_sec": 7}),
)


async def test_a_host_is_told_what_it_must_hold_a_volume_to(
    cloud: TestCloud, admin: JsonClient, demo: JsonClient
) -> None:
    fast = await a_type(admin, "fast")
    volume = await a_volume(cloud, demo, volume_type="fast", size=2)
    connect = {"connector": {"host": "h"}}
    for specs, told in HOST_IS_TOLD:
        gold = await specs_of(admin, "gold", **specs)
        (await got(admin, f"/{gold}/associate?vol_type_id={fast}")).ok(202)
        answer = (await volume_action(demo, volume, "os-initialize_connection", connect)).ok(200).json
        assert answer["connection_info"]["data"]["qos_specs"] == told
        (await admin.delete("volume", f"{V}/qos-specs/{gold}?force=true")).ok(202)
    gold = await specs_of(admin, "gold", consumer="both", total_iops_sec_per_gb="much")
    (await got(admin, f"/{gold}/associate?vol_type_id={fast}")).ok(202)
    assert (await volume_action(demo, volume, "os-initialize_connection", connect)).status == 400
