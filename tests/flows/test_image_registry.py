"""glance-registry, in the releases that had it: it alone has the rows of the v1 API, and answers services alone."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import glanceclient
import pytest

from flows.test_image_v1 import DATA, NOBODY, OCTETS, RAW, an_active, head, listed, made
from stackwire.core.behaviours import RELEASES
from stackwire.db.errors import InsufficientPrivilege
from stackwire.image.domain.registry_options import THROUGH_REGISTRY
from stackwire.image.settings import ImageSettings
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud
from support.polling import until

TABLES = ("images", "image_properties", "image_tags", "image_locations", "image_members")
IDENTITY = {"X-Identity-Status": "Confirmed", "X-Roles": "member,reader"}


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud("mitaka")


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    return await cloud.http("demo")


class RegistryCaller:
    """Asks the registry as Glance's own client does: with the service's token, and the user in headers."""

    def __init__(self, service: JsonClient, user: JsonClient) -> None:
        self._service = service
        self._headers = {**IDENTITY, "X-User-Id": "u", "X-Tenant-Id": user.project_id}

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        return await self._service.request(
            method, "registry", path, json=body, headers={**self._headers, **(headers or {})}
        )

    async def image(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        image: dict[str, Any] = (await self.ask(method, path, body, sent)).ok(200).json["image"]
        return image


@pytest.fixture
async def registry(cloud: TestCloud, demo: JsonClient) -> RegistryCaller:
    return RegistryCaller(await cloud.http("glance", "service"), demo)


# ---- who may


async def test_users_get_401_from_it_whoever_they_are(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = (await made(demo, name="secret"))["id"]
    for user in ("demo", "admin", "alt"):
        client = await cloud.http(user)
        pretended = {**IDENTITY, "X-Roles": "admin,service", "X-Tenant-Id": client.project_id}
        for method, path in (
            ("GET", "/images"), ("GET", "/images/detail"), ("GET", f"/images/{image_id}"), ("POST", "/images"),
            ("PUT", f"/images/{image_id}"), ("DELETE", f"/images/{image_id}"), ("GET", f"/images/{image_id}/members"),
            ("GET", f"/shared-images/{client.project_id}"), ("POST", "/rpc"), ("GET", "/nonsense"),
        ):  # fmt: skip
            for headers in ({}, pretended, {**pretended, "X-Auth-Token": "none"}):
                answer = await client.request(method, "registry", path, headers=headers)
                assert answer.status == 401, (user, method, path)
                assert b"secret" not in answer.body


async def test_a_service_sees_what_the_user_sees_whom_it_asks_for(cloud: TestCloud, demo: JsonClient) -> None:
    image_id = (await made(demo, name="mine"))["id"]
    service = await cloud.http("glance", "service")
    for user, status in (("demo", 200), ("alt", 404), ("admin", 200)):
        project = (await cloud.http(user)).project_id
        headers = {**IDENTITY, "X-Tenant-Id": project, "X-Roles": "admin" if user == "admin" else "member"}
        (await service.get("registry", f"/images/{image_id}", headers=headers)).ok(status)
    for path in (f"/images/{image_id}", f"/images/{NOBODY}"):
        headers = {**IDENTITY, "X-Tenant-Id": "other"}
        assert (await service.request("DELETE", "registry", path, headers=headers)).status == 404


# ---- it alone has the rows


@pytest.fixture
async def fenced(a_cloud: ACloud) -> TestCloud:
    """A cloud in which PostgreSQL shows the rows of images to the registry's role alone."""
    cloud = await a_cloud(release="mitaka", services=("identity", "image"))
    for table in TABLES:
        for action in ("ENABLE", "FORCE"):
            await cloud.rows("image", f"ALTER TABLE {table} {action} ROW LEVEL SECURITY")
        await cloud.rows("image", f"CREATE POLICY registry_alone ON {table} TO registry USING (true) WITH CHECK (true)")
    return cloud


async def test_the_v1_client_does_its_days_work_without_the_api_opening_a_table(fenced: TestCloud) -> None:
    """python-glanceclient 3.6, against an API whose own role sees no image, while another role has no other table."""
    demo, alt = await fenced.http("demo"), await fenced.http("alt")

    def day(client: Any) -> str:
        image = client.images.create(
            name="day",
            disk_format="raw",
            container_format="bare",
            data=io.BytesIO(DATA),
            properties={"team": "a", "os": "x"},
        )
        assert (image.status, image.size, image.checksum) == ("active", len(DATA), hashlib.md5(DATA).hexdigest())
        assert image.properties == {"team": "a", "os": "x"}
        image = client.images.update(image, name="night", properties={"team": "b"}, purge_props=True)
        assert (image.name, image.properties) == ("night", {"team": "b"})
        image = client.images.update(image, properties={"os": "y"})
        assert image.properties == {"team": "b", "os": "y"}
        assert [found.id for found in client.images.list(filters={"name": "night"})] == [image.id]
        assert [found.id for found in client.images.list(filters={"property-os": "z"})] == []
        assert client.images.get(image.id).name == "night"
        assert b"".join(client.images.data(image)) == DATA
        queued = client.images.create(name="later", disk_format="raw", container_format="bare")
        assert queued.status == "queued"
        assert client.images.update(queued, data=io.BytesIO(DATA)).status == "active"
        client.image_members.create(image.id, alt.project_id)
        assert [member.member_id for member in client.image_members.list(image=image)] == [alt.project_id]
        assert image.id in [member.image_id for member in client.image_members.list(member=alt.project_id)]
        client.image_members.delete(image.id, alt.project_id)
        assert list(client.image_members.list(image=image)) == []
        names = {found.name for found in client.images.list(page_size=1)}
        assert names >= {"night", "later"}
        client.images.delete(queued)
        with pytest.raises(glanceclient.exc.HTTPNotFound):
            client.images.get(queued.id)
        return str(image.id)

    image_id = await _in_thread(day, fenced.urls["image"], demo.token)
    (await demo.get("image", f"/v2/images/{image_id}")).ok(404)
    assert (await demo.get("image", f"/v1/images/{image_id}")).ok(200).body == DATA
    (await demo.delete("image", f"/v1/images/{image_id}")).ok(200)
    for table in ("tasks", "metadef_namespaces"):
        with pytest.raises(InsufficientPrivilege):
            await fenced.rows("registry", f"SELECT count(*) FROM {table}")


async def _in_thread(use: Any, url: str, token: str) -> Any:
    return await asyncio.to_thread(lambda: use(glanceclient.Client(endpoint=f"{url}/v1", token=token)))


async def test_a_role_that_is_younger_than_the_tables_gets_its_rights_when_the_image_service_starts(
    a_cloud: ACloud,
) -> None:
    """A database from before, or a release changed to an older one."""
    cloud = await a_cloud(release="mitaka", services=("identity", "image"))
    demo = await cloud.http("demo")
    image_id = (await made(demo, name="i"))["id"]
    for table in TABLES:
        await cloud.rows("image", f"REVOKE ALL ON {table} FROM registry")
    (await demo.get("image", f"/v1/images/{image_id}")).ok(503)
    await cloud.cloud.restart("image")
    assert (await head(demo, image_id))["x-image-meta-name"] == "i"


# ---- without it


async def until_saving(client: JsonClient, image_id: str) -> None:
    async def is_saving() -> bool:
        return bool((await client.get("image", f"/v2/images/{image_id}")).ok(200).json["status"] == "saving")

    await until(is_saving)


@pytest.mark.one_process
async def test_without_the_registry_v1_is_503_and_nothing_is_lost(a_cloud: ACloud) -> None:
    cloud = await a_cloud(release="mitaka", services=("identity", "image"))
    demo = await cloud.http("demo")
    image_id = await an_active(demo, property_team="a")
    before = (await demo.get("image", f"/v2/images/{image_id}")).ok(200).json
    path = f"/v1/images/{image_id}"
    await cloud.cloud.services.pop("registry").stop()
    for method, address, headers, data in (
        ("GET", "/v1/images", {}, None), ("GET", "/v1/images/detail", {}, None), ("HEAD", path, {}, None),
        ("GET", path, {}, None), ("POST", "/v1/images", RAW, None), ("POST", "/v1/images", {**RAW, **OCTETS}, DATA),
        ("PUT", path, {"x-image-meta-name": "other"}, None), ("PUT", path, OCTETS, DATA), ("DELETE", path, {}, None),
        ("GET", f"{path}/members", {}, None), ("PUT", f"{path}/members/{NOBODY}", {}, None),
        ("DELETE", f"{path}/members/{NOBODY}", {}, None), ("GET", f"/v1/shared-images/{NOBODY}", {}, None),
    ):  # fmt: skip
        answer = await demo.request(method, "image", address, headers=headers, data=data)
        assert answer.status == 503, (method, address)
        assert method == "HEAD" or b"<title>503 Service Unavailable</title>" in answer.body
    assert (await demo.get("image", f"/v2/images/{image_id}")).ok(200).json == before
    assert (await demo.get("image", f"/v2/images/{image_id}/file")).ok(200).body == DATA
    await cloud.cloud.start_again("registry")
    assert (await demo.get("image", path)).ok(200).body == DATA
    assert [image["id"] for image in await listed(demo)] == [image_id]


async def test_a_registry_that_returns_during_an_upload_lets_it_end(a_cloud: ACloud) -> None:
    """The bytes go on; only the last step needs the registry again."""
    cloud = await a_cloud(release="mitaka", services=("identity", "image"))
    demo = await cloud.http("demo")
    image_id = (await made(demo, name="i", disk_format="raw", container_format="bare"))["id"]

    async def chunks() -> AsyncIterator[bytes]:
        yield DATA
        await until_saving(demo, image_id)
        await cloud.cloud.restart("registry")
        yield DATA

    answer = await demo.put("image", f"/v1/images/{image_id}", data=chunks(), headers=OCTETS)
    assert answer.ok(200).json["image"]["status"] == "active"
    assert (await demo.get("image", f"/v1/images/{image_id}")).ok(200).body == DATA * 2


@pytest.mark.one_process
async def test_an_upload_that_ends_without_the_registry_is_503_and_queued_again(a_cloud: ACloud) -> None:
    settings = {"image": {"heartbeat_seconds": 0.2}}
    cloud = await a_cloud(release="mitaka", services=("identity", "image"), settings=settings)
    demo = await cloud.http("demo")
    image_id = (await made(demo, name="i", disk_format="raw", container_format="bare", property_a="1"))["id"]

    async def chunks() -> AsyncIterator[bytes]:
        yield DATA
        await until_saving(demo, image_id)
        await cloud.cloud.services.pop("registry").stop()
        yield DATA

    (await demo.put("image", f"/v1/images/{image_id}", data=chunks(), headers=OCTETS)).ok(503)
    await cloud.cloud.restart("image")
    found = (await demo.get("image", f"/v2/images/{image_id}")).ok(200).json
    assert (found["status"], found["a"]) == ("queued", "1")
    await cloud.cloud.start_again("registry")
    assert (await demo.put("image", f"/v1/images/{image_id}", data=DATA, headers=OCTETS)).ok(200)


# ---- the protocol


async def test_it_speaks_the_protocol_of_glances_own_client(registry: RegistryCaller, demo: JsonClient) -> None:
    image = await registry.image(
        "POST", "/images", {"image": {"name": "wire", "status": "queued", "is_public": False, "properties": {"a": "1"}}}
    )
    assert set(image) >= {
        "id", "created_at", "updated_at", "deleted_at", "deleted", "name", "status", "size", "virtual_size",
        "disk_format", "container_format", "min_disk", "min_ram", "is_public", "location", "location_data", "checksum",
        "owner", "protected", "properties",
    }  # fmt: skip
    assert (image["owner"], image["is_public"], image["location_data"]) == (demo.project_id, False, [])
    path = f"/images/{image['id']}"
    added = {"image": {"min_ram": 5, "properties": {"b": "2"}}, "from_state": None}
    assert (await registry.image("PUT", path, added))["properties"] == {"a": "1", "b": "2"}
    for purge, kept in (("True", {"a": "1", "b": "3"}), ("true", {"b": "3"})):
        body = {"image": {"properties": {"b": "3"}}, "from_state": "queued"}
        changed = await registry.image("PUT", path, body, X_Glance_Registry_Purge_Props=purge)
        assert changed["properties"] == kept
    (await registry.ask("PUT", path, {"image": {"name": "x"}, "from_state": "saving"})).ok(409)
    assert await registry.image("GET", path) == changed
    deleted = await registry.image("DELETE", path)
    assert (deleted["deleted"], deleted["status"]) == (True, "deleted")
    (await registry.ask("GET", path)).ok(404)
    (await registry.ask("PUT", path, added)).ok(404)


async def test_its_lists_have_filters_markers_and_pages(registry: RegistryCaller) -> None:
    names = ("page-1", "page-2", "page-3")
    for at, name in enumerate(names):
        body = {"name": name, "status": "queued", "min_ram": at, "size": at, "properties": {"page": "yes"}}
        await registry.image("POST", "/images", {"image": body})

    async def found(path: str = "/images/detail", **query: Any) -> list[dict[str, Any]]:
        pairs = {"property-page": "yes", "sort_key": "name", "sort_dir": "asc", **query}
        images: list[dict[str, Any]] = (await registry.ask("GET", f"{path}?{urlencode(pairs)}")).ok(200).json["images"]
        return images

    def named(images: Sequence[dict[str, Any]]) -> list[str]:
        return [image["name"] for image in images]

    everything = await found()
    assert named(everything) == list(names)
    assert named(await found(limit=2, marker=everything[0]["id"])) == ["page-2", "page-3"]
    assert named(await found(min_ram=1)) == ["page-2"]
    assert named(await found(size_min=1, size_max=2)) == ["page-2", "page-3"]
    assert named(await found(limit=0)) == []
    (brief,) = await found("/images", name="page-1")
    assert set(brief) == {"id", "name", "size", "disk_format", "container_format", "checksum"}
    assert await found("/", name="page-1") == [brief]
    for wrong in ({"limit": "x"}, {"marker": NOBODY}, {"sort_key": "owner"}, {"deleted": "true"}):
        answer = await registry.ask("GET", f"/images?{urlencode(wrong)}")
        assert answer.status in (400, 403), wrong


@pytest.mark.parametrize(
    "body",
    [
        None, [], "x", {}, {"image": []}, {"image": {}, "other": 1}, {"image": {"size": -1}}, {"image": {"size": "9"}},
        {"image": {"size": 2**63}}, {"image": {"size": True}}, {"image": {"checksum": "x"}}, {"image": {"status": "x"}},
        {"image": {"status": []}}, {"image": {"status": "active"}}, {"image": {"is_public": "yes"}},
        {"image": {"name": "n" * 256}}, {"image": {"os_hash_algo": "crc"}}, {"image": {"tags": [5]}},
        {"image": {"location_data": [{"url": "no-scheme", "metadata": {}}]}}, {"image": {"os_hash_value": "x"}},
        {"image": {"properties": []}}, {"image": {"properties": {"a": 1}}}, {"image": {"properties": {"a" * 256: "1"}}},
        {"image": {"properties": {"status": "x"}}}, {"image": {"location_data": {}}}, {"image": {"location": 5}},
        {"image": {"location_data": [{"url": 5, "metadata": {}}]}}, {"image": {"min_disk": -1}},
        {"image": {"location_data": [{"url": "http://a/", "metadata": {}, "id": "x"}]}}, {"image": {}, "from_state": 5},
        {"image": {"status": "saving"}, "upload": {}}, {"image": {"status": "saving"}, "upload": {"object": 5}},
        {"image": {"status": "saving"}, "upload": {"object": "o"}}, {"image": {}, "upload": {"object": "o"}},
        {"image": {"status": "saving"}, "upload": {"object": "o", "worker": "w", "announced": "9"}},
        {"image": {"status": "active"}, "upload": {"object": "o"}}, {"image": {}, "upload": {"nonsense": "o"}},
        {"image": {"status": "killed"}, "upload": {"object": "o"}}, {"image": {"disk_format": "floppy"}},
    ],
)  # fmt: skip
async def test_what_it_cannot_read_is_refused_and_changes_nothing(
    registry: RegistryCaller, demo: JsonClient, body: Any
) -> None:
    image = await registry.image("POST", "/images", {"image": {"name": "kept", "status": "queued"}})
    path = f"/images/{image['id']}"
    for method, address in (("PUT", path), ("POST", "/images")):
        if method == "POST" and isinstance(body, dict) and body in ({"image": {"status": "active"}},):
            continue
        answer = await registry.ask(method, address, body)
        assert answer.status in (400, 403, 409), (method, answer.body)
    assert await registry.image("GET", path) == image
    await registry.image("DELETE", path)


async def test_whose_token_is_refused_logs_in_again(a_cloud: ACloud) -> None:
    """The service's token is revoked: the API gets another one, and the user notices nothing."""
    cloud = await a_cloud(release="mitaka", services=("identity", "image"))
    demo, admin, service = await cloud.http("demo"), await cloud.http("admin"), await cloud.http("glance", "service")
    image_id = (await made(demo, name="i"))["id"]
    (await service.get("registry", "/images")).ok(200)
    (user,) = (await admin.get("identity", "/v3/users?name=glance")).ok(200).json["users"]
    body = {"user": {"password": "secret"}}
    (await admin.patch("identity", f"/v3/users/{user['id']}", json=body)).ok(200)
    await cloud.settle()
    (await service.get("registry", "/images")).ok(401)
    assert (await head(demo, image_id))["x-image-meta-name"] == "i"


# ---- its story


@pytest.mark.one_process
async def test_a_v1_request_goes_from_client_over_api_and_registry_to_the_database(a_cloud: ACloud) -> None:
    settings = {"image": {"debug": True}}
    cloud = await a_cloud(release="mitaka", trace=True, services=("trace", "identity", "image"), settings=settings)
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    answer = (await demo.post("image", "/v1/images", data=DATA, headers={**RAW, **OCTETS})).ok(201)
    image, request = f"/images/{answer.json['image']['id']}", answer.headers["X-Openstack-Request-Id"]
    await cloud.settle()
    (story,) = (await demo.get("trace", f"/stories/{request}")).ok(200).json["stories"]
    to_registry, to_database = ("glance-api", "glance-registry"), ("glance-registry", "database")
    found = [(arrow["sender"], arrow["receiver"], arrow["name"]) for arrow in story["arrows"]]
    assert [arrow for arrow in found if arrow[1] != "notifications"] == [
        ("Python", "glance-api", "POST /v1/images"),
        (*to_registry, "POST /images"), (*to_database, "COMMIT"),
        (*to_registry, f"GET {image}"), (*to_database, "SELECT"),
        (*to_registry, f"PUT {image}"), (*to_database, "COMMIT"),
        (*to_registry, f"PUT {image}"), (*to_database, "COMMIT"),
    ]  # fmt: skip
    events = [arrow["name"] for arrow in story["arrows"] if arrow["kind"] == "notification"]
    assert events == ["image.create", "image.update", "image.prepare", "image.upload", "image.activate", "image.update"]
    assert {arrow["state"] for arrow in story["arrows"]} <= {"done", "unheard"}
    page = (await admin.get("image", f"/onion/{request}")).ok(200).body.decode()
    assert "Registry layer (ImageRegistry)" in page
    assert "Registry layer (DataRegistry)" in page
    assert "ImageDatabase" not in page
    for form, said in (("mermaid", "COMMIT"), ("otlp", "postgresql"), ("har", "postgresql://database")):
        assert said in (await demo.get("trace", f"/stories/{request}/export?form={form}")).ok(200).body.decode()


# ---- where there is none


def test_a_release_without_it_refuses_the_role_and_says_which_was_the_last() -> None:
    with pytest.raises(ValueError, match="has no glance-registry: Ussuri was the last one"):
        ImageSettings(role="registry", release="victoria")
    assert ImageSettings(role="registry", release="ussuri").registry_url == "http://127.0.0.1:9191"


@pytest.mark.parametrize("name", ["registry", THROUGH_REGISTRY])
def test_v2_through_the_registry_is_refused_where_there_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"release victoria has no glance-registry"):
        ImageSettings(release="victoria", data_api=name)
    assert ImageSettings(release="ussuri", data_api=name).is_through_registry


@pytest.mark.parametrize("release", ["rocky", "ussuri", "victoria", RELEASES[-1]])
async def test_later_releases_have_it_until_it_left_and_v1_no_more(a_cloud: ACloud, release: str) -> None:
    cloud = await a_cloud(release=release, services=("identity", "image"))
    assert ("registry" in cloud.cloud.services) is (RELEASES.index(release) <= RELEASES.index("ussuri"))
    assert (await (await cloud.http()).get("image", "/v1/images")).status == 300
