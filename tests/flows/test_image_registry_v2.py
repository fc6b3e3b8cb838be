"""The Image API v2 through glance-registry (``data_api``), in commands of Glance's database driver."""

import asyncio
import hashlib
import io
from collections.abc import Mapping
from typing import Any

import glanceclient
import pytest

from flows.test_image_registry import IDENTITY, TABLES
from flows.test_image_v1 import DATA, NOBODY, OCTETS
from stackwire.cloud.answers import PropertyAnswers, in_words
from support.builders.images import PATCH
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud

THROUGH = {"image": {"data_api": "registry"}}
SERVICES = ("identity", "image")


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    """PostgreSQL shows the rows of images to the registry's role alone."""
    cloud = await a_cloud(release="mitaka", services=SERVICES, settings=THROUGH)
    for table in TABLES:
        for action in ("ENABLE", "FORCE"):
            await cloud.rows("image", f"ALTER TABLE {table} {action} ROW LEVEL SECURITY")
        await cloud.rows("image", f"CREATE POLICY registry_alone ON {table} TO registry USING (true) WITH CHECK (true)")
    return cloud


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


class RpcCaller:
    """Sends commands as Glance's own client does: with the service's token, and the user in headers."""

    def __init__(self, service: JsonClient, user: JsonClient, **headers: str) -> None:
        self._service = service
        self.project_id = user.project_id
        self._headers = {**IDENTITY, "X-User-Id": "u", "X-Tenant-Id": user.project_id, **headers}

    async def post(self, body: Any) -> Answer:
        return await self._service.request("POST", "registry", "/rpc", json=body, headers=self._headers)

    async def call(self, command: str, **kwargs: Any) -> Any:
        (result,) = (await self.post([{"command": command, "kwargs": kwargs}])).ok(200).json
        return result

    async def image(self, command: str, **kwargs: Any) -> dict[str, Any]:
        result = await self.call(command, **kwargs)
        assert "_error" not in result, result
        return dict(result)

    async def v1(self, method: str, path: str, body: Any) -> Answer:
        return await self._service.request(method, "registry", path, json=body, headers=self._headers)


@pytest.fixture
async def registry(a_shared_cloud: ASharedCloud) -> RpcCaller:
    """It answers whatever the API's ``data_api`` is."""
    cloud = await a_shared_cloud("mitaka")
    return RpcCaller(await cloud.http("glance", "service"), await cloud.http("demo"))


# ---- the API through it


async def test_properties_are_shown_without_definitions_which_the_registry_does_not_have(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image = (await demo.post("image", "/v2/images", json={"name": "day", "hw_disk_bus": "scsi"})).ok(201).json["id"]
    found = await PropertyAnswers({name: cloud.urls[name] for name in SERVICES}).defined("image", image)
    assert [(row["key"], row["value"], row["namespace"]) for row in found["properties"]] == [
        ("hw_disk_bus", "scsi", None)
    ]
    assert "glance-registry" in found["note"]
    assert f"no definitions: {found['note']}" in in_words(found)


async def test_the_client_does_its_days_work_without_the_api_opening_a_table(cloud: TestCloud) -> None:
    """python-glanceclient, against an API whose own role sees no image."""
    demo, alt = await cloud.http("demo"), await cloud.http("alt")

    def day(client: Any, other: Any) -> str:
        image = client.images.create(name="day", disk_format="raw", container_format="bare", team="a", tags=["t", "u"])
        assert (image.status, image.team, sorted(image.tags)) == ("queued", "a", ["t", "u"])
        client.images.upload(image.id, io.BytesIO(DATA))
        image = client.images.get(image.id)
        assert (image.status, image.size, image.checksum) == ("active", len(DATA), hashlib.md5(DATA).hexdigest())
        assert b"".join(client.images.data(image.id)) == DATA
        image = client.images.update(image.id, remove_props=["team"], name="night", os="x", min_ram=7)
        assert ("team" in image, image.name, image.os, image.min_ram) == (False, "night", "x", 7)
        later = client.images.create(name='later, "is"', disk_format="raw", container_format="bare", min_disk=3)
        found = client.images.list(filters={"name": "night", "os": "x", "status": "in:active,queued", "size_min": 1})
        assert [each.id for each in found] == [image.id]
        assert [each.id for each in client.images.list(filters={"tag": ["t", "u"]})] == [image.id]
        assert [each.id for each in client.images.list(filters={"created_at": "gt:2100-01-01T00:00:00Z"})] == []
        names = [each.name for each in client.images.list(page_size=1, sort="name:asc")]
        assert names == ['later, "is"', "night"]
        client.image_tags.update(image.id, "v")
        client.image_tags.delete(image.id, "t")
        assert sorted(client.images.get(image.id).tags) == ["u", "v"]
        member = client.image_members.create(image.id, alt.project_id)
        assert (member.status, [each.id for each in other.images.list()]) == ("pending", [])
        assert other.image_members.update(image.id, alt.project_id, "accepted").status == "accepted"
        assert [each.id for each in other.images.list()] == [image.id]
        assert b"".join(other.images.data(image.id)) == DATA
        for refused in (lambda: other.images.delete(image.id), lambda: other.images.update(image.id, name="mine")):
            with pytest.raises(glanceclient.exc.HTTPForbidden):
                refused()
        client.image_members.delete(image.id, alt.project_id)
        assert list(other.images.list()) == []
        client.images.delete(later.id)
        with pytest.raises(glanceclient.exc.HTTPNotFound):
            client.images.get(later.id)
        return str(image.id)

    def of(user: JsonClient) -> Any:
        return glanceclient.Client(endpoint=f"{cloud.urls['image']}/v2", token=user.token)

    image_id = await asyncio.to_thread(lambda: day(of(demo), of(alt)))
    admin = await cloud.http("admin")
    path = f"/v2/images/{image_id}"
    (await admin.post("image", f"{path}/actions/deactivate")).ok(204)
    (await demo.get("image", f"{path}/file")).ok(403)
    (await admin.post("image", f"{path}/actions/reactivate")).ok(204)
    (await demo.get("image", f"{path}/file")).ok(200)
    assert await cloud.rows("image", "SELECT id FROM images") == []
    (await demo.delete("image", path)).ok(204)
    files = [path for path in (cloud.cloud.options.data_dir / "image").rglob("*") if path.is_file()]
    assert [path for path in files if path.stat().st_size == len(DATA)] == []


async def test_without_the_registry_v2_is_503_and_nothing_is_lost(a_cloud: ACloud) -> None:
    cloud = await a_cloud(release="mitaka", services=SERVICES, settings=THROUGH)
    demo = await cloud.http("demo")
    body = {"name": "i", "disk_format": "raw", "container_format": "bare", "team": "a"}
    path = f"/v2/images/{(await demo.post('image', '/v2/images', json=body)).ok(201).json['id']}"
    (await demo.put("image", f"{path}/file", data=DATA, headers=OCTETS)).ok(204)
    before = (await demo.get("image", path)).ok(200).json
    await cloud.cloud.services.pop("registry").stop()
    change = [{"op": "replace", "path": "/name", "value": "other"}]
    for method, address, sent in (
        ("GET", "/v2/images", {}), ("POST", "/v2/images", {"json": body}), ("GET", path, {}), ("DELETE", path, {}),
        ("PATCH", path, {"json": change, "headers": PATCH}), ("GET", f"{path}/file", {}),
        ("PUT", f"{path}/file", {"data": DATA, "headers": OCTETS}), ("PUT", f"{path}/tags/t", {}),
        ("GET", f"{path}/members", {}), ("POST", f"{path}/members", {"json": {"member": NOBODY}}),
    ):  # fmt: skip
        assert (await demo.request(method, "image", address, **sent)).status == 503, (method, address)
    await cloud.cloud.start_again("registry")
    assert (await demo.get("image", path)).ok(200).json == before
    assert (await demo.get("image", f"{path}/file")).ok(200).body == DATA


async def test_what_cannot_go_through_it_is_refused_and_says_so(cloud: TestCloud, demo: JsonClient) -> None:
    image = (await demo.post("image", "/v2/images", json={"name": "i", **_raw()})).ok(201).json["id"]
    path = f"/v2/images/{image}"
    for method, address in (
        ("PUT", f"{path}/stage"), ("POST", f"{path}/import"), ("GET", f"{path}/tasks"), ("GET", f"{path}/locations"),
        ("GET", "/v2/tasks"), ("GET", "/v2/metadefs/namespaces"), ("GET", "/v2/cache"), ("GET", "/v2/info/usage"),
        ("DELETE", f"/v2/stores/file/{image}"),
    ):  # fmt: skip
        answer = await demo.request(method, "image", address)
        assert (answer.status, b"glance.db.registry.api" in answer.body) == (501, True), (method, address, answer.body)
    assert (await demo.get("image", path)).ok(200).json["status"] == "queued"
    (await demo.get("image", "/v2/schemas/image")).ok(200)
    (await demo.get("image", "/v2/info/stores")).ok(200)


def _raw() -> dict[str, str]:
    return {"disk_format": "raw", "container_format": "bare"}


async def test_refusals_of_the_registry_are_those_of_the_api(cloud: TestCloud, demo: JsonClient) -> None:
    admin = await cloud.http("admin")
    body = {"name": "i", "id": NOBODY.replace("1", "2"), "protected": True, **_raw()}
    (await demo.post("image", "/v2/images", json=body)).ok(201)
    path = f"/v2/images/{body['id']}"
    (await demo.post("image", "/v2/images", json=body)).ok(409)
    (await demo.delete("image", path)).ok(403)
    (await demo.get("image", f"/v2/images/{NOBODY}")).ok(404)
    (await demo.delete("image", f"{path}/tags/none")).ok(404)
    (await demo.get("image", f"{path}/members/{NOBODY}")).ok(404)
    many = [{"op": "add", "path": f"/p{number}", "value": "1"} for number in range(129)]
    (await demo.patch("image", path, json=many, headers=PATCH)).ok(413)
    (await demo.get("image", f"/v2/images?marker={NOBODY}")).ok(400)
    (await demo.put("image", f"{path}/file", data=b"", headers=OCTETS)).ok(204)
    (await demo.put("image", f"{path}/file", data=DATA, headers=OCTETS)).ok(409)
    found = (await admin.get("image", path)).ok(200).json
    assert (found["status"], "p0" in found) == ("active", False)


async def test_its_story_has_the_registrys_lane_and_its_page_the_registry_layer(a_cloud: ACloud) -> None:
    settings = {"image": {"debug": True, "data_api": "registry"}}
    cloud = await a_cloud(release="mitaka", trace=True, services=("trace", *SERVICES), settings=settings)
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    answer = (await demo.post("image", "/v2/images", json={"name": "i", "team": "a", **_raw()})).ok(201)
    request = answer.headers["X-Openstack-Request-Id"]
    await cloud.settle()
    (story,) = (await demo.get("trace", f"/stories/{request}")).ok(200).json["stories"]
    found = [(arrow["sender"], arrow["receiver"], arrow["name"]) for arrow in story["arrows"]]
    assert [arrow for arrow in found if arrow[1] != "notifications"] == [
        ("Python", "glance-api", "POST /v2/images"), ("glance-api", "glance-registry", "POST /rpc"),
        ("glance-registry", "database", "COMMIT"),
    ]  # fmt: skip
    assert "Registry layer (ImageRegistryV2)" in (await admin.get("image", f"/onion/{request}")).ok(200).body.decode()
    lineage = (await demo.get("trace", f"/lineage/{answer.json['id']}")).ok(200).json
    ((step,),) = [each["past"] for each in lineage["properties"]]
    assert (step["rule"], step["from"]["kind"], step["after"]) == ("image.create", "client", "a")


# ---- Glance's own client


async def test_results_have_the_form_of_glances_driver(registry: RpcCaller) -> None:
    values = {"name": "wire", "status": "queued", "is_public": False, "properties": {"a": "1"}, "created_at": None}
    image = await registry.image("image_create", values=values)
    assert (image["owner"], image["is_public"], image["locations"]) == (registry.project_id, False, [])
    assert image["created_at"]["_type"] == "datetime"
    assert [(each["name"], each["value"], each["deleted"]) for each in image["properties"]] == [("a", "1", False)]
    own = {"image_id": image["id"]}
    assert await registry.call("image_tag_set_all", tags=["x", "y"], **own) is None
    assert sorted(await registry.call("image_tag_get_all", **own)) == ["x", "y"]
    assert await registry.call("image_tag_create", value="z", **own) == "z"
    assert await registry.call("image_tag_delete", value="x", **own) is None
    kept = {"properties": {"b": "2"}, "name": "wire"}
    changed = await registry.image("image_update", values=kept, purge_props=True, from_state="queued", **own)
    assert [each["name"] for each in changed["properties"]] == ["b"]
    listed = await registry.call("image_get_all", filters={"b": "2", "deleted": False}, sort_key=["name"], limit=5)
    assert [each["id"] for each in listed] == [image["id"]]
    member = await registry.image("image_member_create", values={"member": NOBODY, **own})
    assert (member["member"], member["status"]) == (NOBODY, "pending")
    (found,) = await registry.call("image_member_find", member=NOBODY, **own)
    assert found["id"] == member["id"]
    assert await registry.call("image_member_count", **own) == 1
    # a saved image keeps its members: what is not public is private or shared
    await registry.image("image_update", values={"is_public": False}, **own)
    assert await registry.call("image_member_count", **own) == 1
    await registry.image("image_member_delete", memb_id=member["id"])
    assert (await registry.image("image_update", values={"status": "deleted"}, **own))["status"] == "deleted"
    assert (await registry.image("image_destroy", **own))["deleted"] is True
    gone = await registry.call("image_get", **own)
    assert gone["_error"]["cls"] == "glance.common.exception.ImageNotFound"


async def test_what_is_no_command_fails_as_a_whole(registry: RpcCaller) -> None:
    for body in ({}, "x", [5], [{}], [{"command": 5}], [{"command": "image_get", "kwargs": 5}]):
        assert (await registry.post(body)).status == 400, body
    for name, status in (
        ("nonsense", 404), ("find", 404), ("_images", 404), ("__init__", 404), ("task_create", 501),
        ("metadef_tag_get", 501), ("image_location_add", 501),
    ):  # fmt: skip
        assert (await registry.post([{"command": name}])).status == status, name


async def test_a_command_that_fails_results_in_glances_exception_and_changes_nothing(registry: RpcCaller) -> None:
    image = await registry.image("image_create", values={"name": "kept", "status": "queued"})
    own = {"image_id": image["id"]}
    for command, kwargs, name in (
        ("image_get", {}, "Invalid"), ("image_get", {"image_id": 5}, "Invalid"), ("image_get", {"x": 1}, "Invalid"),
        ("image_get", {"image_id": NOBODY}, "ImageNotFound"), ("image_create", {"values": 5}, "Invalid"),
        ("image_create", {"values": {"id": image["id"], "status": "queued"}}, "Duplicate"),
        ("image_update", {"values": {"name": 5}, **own}, "Invalid"),
        ("image_update", {"values": {"name": "x"}, "from_state": "saving", **own}, "Conflict"),
        ("image_update", {"values": {"status": "active"}, **own}, "Invalid"),
        ("image_update", {"values": {"status": "saving", "upload": 5}, **own}, "Invalid"),
        ("image_update", {"values": {"locations": [{"url": "x", "metadata": {}}]}, **own}, "Invalid"),
        ("image_get_all", {"filters": 5}, "Invalid"), ("image_get_all", {"filters": {"name": []}}, "Invalid"),
        ("image_get_all", {"filters": {"tags": 5}}, "Invalid"), ("image_get_all", {"limit": "x"}, "Invalid"),
        ("image_get_all", {"filters": {"deleted": True}}, "Forbidden"),
        ("image_get_all", {"marker": NOBODY}, "Invalid"),
        ("image_get_all", {"sort_key": ["owner"]}, "Invalid"), ("image_get_all", {"sort_dir": 5}, "Invalid"),
        ("image_tag_set_all", {"tags": "x", **own}, "Invalid"), ("image_tag_create", {"value": 5, **own}, "Invalid"),
        ("image_tag_delete", {"value": "none", **own}, "NotFound"), ("image_member_find", {}, "Invalid"),
        ("image_member_create", {"values": {"member": "", **own}}, "Invalid"),
        ("image_member_update", {"memb_id": 5, "values": {}}, "NotFound"),
        ("image_member_delete", {"memb_id": f"{image['id']}/x"}, "NotFound"),
        ("user_get_storage_usage", {"owner_id": NOBODY}, "Forbidden"),
    ):  # fmt: skip
        result = await registry.call(command, **kwargs)
        assert result["_error"]["cls"] == f"glance.common.exception.{name}", (command, kwargs, result)
    assert await registry.image("image_get", **own) == image
    two = [{"command": "image_get"}, {"command": "image_get", "kwargs": own}]
    first, second = (await registry.post(two)).ok(200).json
    assert ("_error" in first, second) == (True, image)


@pytest.mark.parametrize("way", ["v1", "v2"])
async def test_glances_own_api_uploads_through_it(a_cloud: ACloud, way: str) -> None:
    """Its client sends statuses, facts and a location, and nothing of ours; what it writes is where it says."""
    cloud = await a_cloud(release="mitaka", services=SERVICES, settings={"image": {"heartbeat_seconds": 0.1}})
    demo = await cloud.http("demo")
    caller = RpcCaller(await cloud.http("glance", "service"), demo)

    async def update(image_id: str, values: Mapping[str, Any], from_state: str | None = None) -> str:
        """The status afterwards, or the exception."""
        if way == "v1":
            places = values.get("locations")
            more = {} if places is None else {"location": places[0]["url"], "location_data": places}
            sent = {name: value for name, value in values.items() if name != "locations"}
            body = {"image": {"properties": {}, **sent, **more}, "from_state": from_state}
            answer = await caller.v1("PUT", f"/images/{image_id}", body)
            return answer.json["image"]["status"] if answer.status == 200 else {409: "Conflict"}[answer.status]
        result = await caller.call("image_update", image_id=image_id, values=values, from_state=from_state)
        return result["status"] if "_error" not in result else result["_error"]["cls"].rpartition(".")[2]

    async def registered() -> str:
        values = {"name": "i", "status": "queued", "is_public": False, "size": 0, "properties": {"team": "a"}, **_raw()}
        return str((await caller.image("image_create", values=values))["id"])

    image = await registered()
    facts = {"size": len(DATA), "checksum": hashlib.md5(DATA).hexdigest()}
    place = {"url": f"file:///var/lib/glance/images/{image}", "metadata": {}, "status": "active"}
    assert await update(image, {"status": "saving"}, "queued") == "saving"
    assert await update(image, {"status": "saving"}, "queued") in ("Conflict", "InvalidImageStatusTransition")
    await cloud.cloud.restart("image")  # whose recovery leaves it alone
    assert await update(image, {"name": "j"}) == "saving"
    assert await update(image, facts, "saving") == "saving"
    assert await update(image, {"status": "active", "locations": [place]}, "saving") == "active"
    found = (await demo.get("image", f"/v2/images/{image}")).ok(200).json
    assert (found["status"], found["size"], found["checksum"], found["name"], found["team"]) == (
        "active", *facts.values(), "j", "a",
    )  # fmt: skip
    (await demo.get("image", f"/v2/images/{image}/file")).ok(404)  # on another machine
    assert await update(image, {"status": "deleted"}) == "deleted"
    assert (await caller.image("image_destroy", image_id=image))["deleted"]
    (await demo.get("image", f"/v2/images/{image}")).ok(404)
    # one that fails
    for status in ("queued", "killed"):
        image = await registered()
        assert await update(image, {"status": "saving"}, "queued") == "saving"
        assert await update(image, {"status": status}, "saving") == status
        assert (await demo.get("image", f"/v2/images/{image}")).ok(200).json["status"] == status
    # and one of this service, which nobody else ends
    (await demo.put("image", f"/v2/images/{(image := await registered())}/file", data=DATA, headers=OCTETS)).ok(204)
    assert await update(image, {"status": "saving"}) in ("Conflict", "InvalidImageStatusTransition")
    assert (await demo.get("image", f"/v2/images/{image}/file")).ok(200).body == DATA


async def test_glances_own_api_registers_an_image_that_lies_elsewhere(a_cloud: ACloud) -> None:
    cloud = await a_cloud(release="mitaka", services=SERVICES)
    demo = await cloud.http("demo")
    caller = RpcCaller(await cloud.http("glance", "service"), demo)
    body = {"image": {"name": "i", "status": "active", "size": 5, "location": "http://a.example/i", "store": "http",
                      "copy_from": None, "properties": {}, **_raw()}}  # fmt: skip
    image = (await caller.v1("POST", "/images", body)).ok(200).json["image"]
    assert (image["status"], image["size"], image["location"]) == ("active", 5, "http://a.example/i")
    assert await caller.call("user_get_storage_usage", owner_id=demo.project_id) == 5
    for status in ("active", "saving"):
        refused = await caller.v1("POST", "/images", {"image": {"name": "i", "status": status, "location": "x"}})
        assert refused.status == 400
