"""Images through real HTTP: made, listed, changed at the same time, shared, deleted; and who may do which of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from stackwire.contracts.image import CreateImage, DeleteImage, GetImage, ImageNotFound, UpdateImage
from stackwire.core.context import RequestContext
from stackwire.core.errors import Conflict, Forbidden
from stackwire.messaging.memory import MemoryTransport
from stackwire.messaging.rpc import RpcClient
from support.builders.images import a_queued_image, get_image
from support.cloud import ACloud, Answer, JsonClient, TestCloud

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
TWO = ("identity", "image")


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(services=TWO)


async def patch(client: JsonClient, image_id: str, *operations: tuple[Any, ...]) -> Answer:
    body = [
        {"op": operation[0], "path": operation[1], **({"value": operation[2]} if len(operation) > 2 else {})}
        for operation in operations
    ]
    return await client.patch("image", f"/v2/images/{image_id}", json=body, headers=PATCH)


async def names(client: JsonClient, query: str = "") -> list[str]:
    body = (await client.get("image", f"/v2/images{query}")).ok(200).json
    return [image["name"] for image in body["images"]]


async def test_changes_of_different_properties_at_the_same_time_are_all_kept(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    answers = await asyncio.gather(*(patch(demo, image_id, ("add", f"/p{n}", str(n))) for n in range(40)))
    assert {answer.status for answer in answers} == {200}
    image = await get_image(demo, image_id)
    assert {image[f"p{n}"] for n in range(40)} == {str(n) for n in range(40)}


async def test_the_last_of_many_changes_at_once_notifies_of_all_of_them(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    wanted = {f"p{n}": str(n) for n in range(20)}
    image_id = await a_queued_image(demo, **dict.fromkeys(wanted, "old"))
    answers = await asyncio.gather(*(patch(demo, image_id, ("replace", f"/{n}", wanted[n])) for n in wanted))
    assert [answer.ok(200).json[name] for answer, name in zip(answers, wanted, strict=True)] == list(wanted.values())
    last = "SELECT payload FROM outbox WHERE name = 'image.update' AND payload ->> 'id' = $1 ORDER BY seq DESC LIMIT 1"
    (row,) = await cloud.rows("image", last, image_id)
    assert row["payload"]["properties"] == wanted


async def test_a_patch_with_one_bad_operation_changes_nothing(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo, a="1")
    before = await get_image(demo, image_id)
    for bad, status in ((("replace", "/status", "active"), 403), (("remove", "/x"), 409), (("add", "/y", 5), 400)):
        (await patch(demo, image_id, ("add", "/b", "2"), ("remove", "/a"), ("replace", "/name", "n"), bad)).ok(status)
        assert await get_image(demo, image_id) == before


async def test_a_removed_property_can_be_set_again(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo, a="1")
    (await patch(demo, image_id, ("remove", "/a"))).ok(200)
    assert "a" not in await get_image(demo, image_id)
    assert (await patch(demo, image_id, ("add", "/a", "2"))).ok(200).json["a"] == "2"


async def test_a_patch_needs_its_media_type(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    answer = (await demo.patch("image", f"/v2/images/{image_id}", json=[])).ok(415)
    assert "v2.1-json-patch" in answer.headers["Accept-Patch"]
    before = await get_image(demo, image_id)
    assert (await patch(demo, image_id)).ok(200).json == before


async def test_the_property_quota_holds_against_many_at_once(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {"image_property_quota": 5, "image_tag_quota": 2}})
    demo = await cloud.http("demo")
    (await demo.post("image", "/v2/images", json={f"p{n}": "x" for n in range(6)})).ok(413)
    image_id = await a_queued_image(demo, **{f"p{n}": "x" for n in range(4)})
    answers = await asyncio.gather(*(patch(demo, image_id, ("add", f"/q{n}", "x")) for n in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [413] * 7
    (await patch(demo, image_id, ("replace", "/p0", "y"))).ok(200)
    for tag, status in (("a", 204), ("b", 204), ("c", 413), ("a", 204)):
        (await demo.put("image", f"/v2/images/{image_id}/tags/{tag}")).ok(status)


async def test_a_project_gets_no_more_images_than_its_limit_however_many_ask(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {"image_count_total": 3}})
    demo = await cloud.http("demo")
    for _ in range(2):
        await a_queued_image(demo)
    answers = await asyncio.gather(*(demo.post("image", "/v2/images", json={}) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] + [413] * 9


async def test_an_id_is_never_given_twice(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    wish = {"id": "0a0b0c0d-0000-4000-8000-000000000001"}
    (await demo.post("image", "/v2/images", json=wish)).ok(201)
    (await alt.post("image", "/v2/images", json=wish)).ok(409)
    (await demo.delete("image", f"/v2/images/{wish['id']}")).ok(204)
    (await alt.post("image", "/v2/images", json=wish)).ok(409)


async def test_an_id_has_one_spelling_however_it_is_asked_for(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    asked = "ABCDEF01-2345-4ABC-8DEF-0123456789AB"
    assert await a_queued_image(demo, id=asked) == asked.lower()
    (await demo.put("image", f"/v2/images/{asked}/file", data=b"x", headers=OCTETS)).ok(204)
    (await demo.put("image", f"/v2/images/{asked}/tags/t")).ok(204)
    (await demo.post("image", f"/v2/images/{asked}/members", json={"member": "m"})).ok(200)
    (await patch(demo, asked, ("add", "/a", "b"))).ok(200)
    shown = await get_image(demo, asked)
    assert (shown["id"], shown["status"], shown["a"], shown["tags"]) == (asked.lower(), "active", "b", ["t"])
    for query in (f"id={asked}", f"id=in:{asked}", f"id=eq:{asked}"):
        assert await names(demo, f"?{query}") == ["image"]
    assert await names(demo, f"?marker={asked}") == []
    (await demo.delete("image", f"/v2/images/{asked}")).ok(204)


@pytest.mark.parametrize("path", ["", "/file", "/members", "/members/m", "/tasks"])
async def test_reading_one_thing_takes_no_body(cloud: TestCloud, path: str) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo)
    (await demo.post("image", f"/v2/images/{image_id}/members", json={"member": "m"})).ok(200)
    where = f"/v2/images/{image_id}{path}"
    (await demo.get("image", where)).ok(200 if path != "/file" else 204)
    assert (await demo.get("image", where, json={})).status == 400


async def test_deleted_and_hidden_images_answer_like_images_that_never_were(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    private, gone = await a_queued_image(demo, visibility="private"), await a_queued_image(demo)
    (await demo.delete("image", f"/v2/images/{gone}")).ok(204)
    for image_id in (private, gone, "00000000-0000-4000-8000-000000000000", "no-id"):
        for method, path, body, headers in (
            ("GET", "", None, {}),
            ("PATCH", "", [{"op": "add", "path": "/a", "value": "1"}], PATCH),
            ("DELETE", "", None, {}),
            ("GET", "/file", None, {}),
            ("GET", "/members", None, {}),
            ("POST", "/members", {"member": "x"}, {}),
            ("PUT", "/tags/x", None, {}),
            ("POST", "/actions/deactivate", None, {}),
        ):
            wanted = {"Accept": "application/json", **headers}
            answer = await alt.request(method, "image", f"/v2/images/{image_id}{path}", json=body, headers=wanted)
            assert answer.status == 404, (method, path)
            assert answer.json == {
                "message": f"No image found with ID {image_id}<br /><br />\n\n\n",
                "code": "404 Not Found",
                "title": "Not Found",
            }
        data = await alt.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)
        assert data.status == 404


@pytest.mark.parametrize("visibility", ["public", "community"])
async def test_what_strangers_may_do_with_an_image_they_see(cloud: TestCloud, visibility: str) -> None:
    admin, demo, alt = await cloud.http("admin"), await cloud.http("demo"), await cloud.http("alt")
    reader = await cloud.http("reader")
    image_id = await a_queued_image(admin, visibility=visibility)
    (await admin.put("image", f"/v2/images/{image_id}/file", data=b"data", headers=OCTETS)).ok(204)
    for stranger in (demo, alt):
        await get_image(stranger, image_id)
        (await stranger.get("image", f"/v2/images/{image_id}/file")).ok(200)
        (await patch(stranger, image_id, ("add", "/a", "1"))).ok(403)
        (await patch(stranger, image_id, ("replace", "/owner", "x"))).ok(403)
        (await stranger.delete("image", f"/v2/images/{image_id}")).ok(403)
        (await stranger.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)).ok(403)
        (await stranger.put("image", f"/v2/images/{image_id}/tags/x")).ok(403)
        (await stranger.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(403)
        (await stranger.post("image", f"/v2/images/{image_id}/members", json={"member": "x"})).ok(403)
    await get_image(reader, image_id)
    (await reader.get("image", f"/v2/images/{image_id}/file")).ok(403)


async def test_a_reader_reads_and_no_more(cloud: TestCloud) -> None:
    demo, reader = await cloud.http("demo"), await cloud.http("reader")
    image_id = await a_queued_image(demo, visibility="private")
    await get_image(reader, image_id)
    assert await names(reader) == ["image"]
    (await reader.post("image", "/v2/images", json={})).ok(403)
    (await patch(reader, image_id, ("add", "/a", "1"))).ok(403)
    (await reader.delete("image", f"/v2/images/{image_id}")).ok(403)
    (await reader.get("image", f"/v2/images/{image_id}/file")).ok(403)
    (await reader.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)).ok(403)
    (await reader.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(403)


async def test_only_administrators_publish_and_give_away(cloud: TestCloud) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    (await demo.post("image", "/v2/images", json={"visibility": "public"})).ok(403)
    (await demo.post("image", "/v2/images", json={"owner": "another"})).ok(403)
    (await demo.post("image", "/v2/images", json={"owner": demo.project_id})).ok(201)
    image_id = await a_queued_image(demo)
    (await patch(demo, image_id, ("replace", "/visibility", "public"))).ok(403)
    (await patch(demo, image_id, ("replace", "/owner", "another"))).ok(403)
    (await patch(demo, image_id, ("replace", "/visibility", "community"))).ok(200)
    (await patch(admin, image_id, ("replace", "/owner", "another"))).ok(200)
    assert (await get_image(admin, image_id))["owner"] == "another"


async def test_protected_images_stay_even_for_administrators(cloud: TestCloud) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    image_id = await a_queued_image(demo, protected=True)
    for client in (demo, admin):
        (await client.delete("image", f"/v2/images/{image_id}")).ok(403)
    (await patch(demo, image_id, ("replace", "/protected", False))).ok(200)
    (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)


async def test_sharing_with_a_project_and_its_answer(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    image_id = await a_queued_image(demo)
    members = f"/v2/images/{image_id}/members"
    mine = f"{members}/{alt.project_id}"
    (await alt.get("image", members)).ok(404)
    row = (await demo.post("image", members, json={"member": alt.project_id})).ok(200).json
    assert (row["member_id"], row["status"], row["schema"]) == (alt.project_id, "pending", "/v2/schemas/member")
    (await demo.post("image", members, json={"member": alt.project_id})).ok(409)
    await get_image(alt, image_id)
    assert await names(alt) == []
    assert await names(alt, "?visibility=shared&member_status=pending") == ["image"]
    assert await names(alt, "?member_status=all") == ["image"]
    (await demo.put("image", mine, json={"status": "accepted"})).ok(403)
    (await alt.put("image", mine, json={"status": "maybe"})).ok(400)
    (await alt.put("image", f"{members}/other", json={"status": "accepted"})).ok(404)
    assert (await alt.put("image", mine, json={"status": "accepted"})).ok(200).json["status"] == "accepted"
    assert await names(alt) == ["image"]
    (await patch(alt, image_id, ("add", "/a", "1"))).ok(403)
    (await alt.delete("image", mine)).ok(403)
    (await demo.post("image", members, json={"member": "third"})).ok(200)
    listed = (await alt.get("image", members)).ok(200).json["members"]
    assert [member["member_id"] for member in listed] == [alt.project_id]
    assert len((await demo.get("image", members)).ok(200).json["members"]) == 2
    (await alt.get("image", f"{members}/third")).ok(404)
    (await demo.delete("image", mine)).ok(204)
    (await demo.delete("image", mine)).ok(404)
    (await alt.get("image", f"/v2/images/{image_id}")).ok(404)
    for body in ({}, {"member": 1}, {"member": "m" * 256}, []):
        (await demo.post("image", members, json=body)).ok(400)


@pytest.mark.parametrize("visibility", ["private", "community"])
async def test_only_shared_images_get_members(cloud: TestCloud, visibility: str) -> None:
    demo = await cloud.http("demo")
    image_id = await a_queued_image(demo, visibility=visibility)
    (await demo.post("image", f"/v2/images/{image_id}/members", json={"member": "x"})).ok(403)


async def test_what_lists_show_to_whom(cloud: TestCloud) -> None:
    admin, demo, alt = await cloud.http("admin"), await cloud.http("demo"), await cloud.http("alt")
    for visibility in ("private", "shared", "community"):
        await a_queued_image(demo, name=f"demo-{visibility}", visibility=visibility)
    await a_queued_image(admin, name="public", visibility="public")
    await a_queued_image(admin, name="hidden", visibility="public", os_hidden=True)
    assert set(await names(demo)) == {"demo-private", "demo-shared", "demo-community", "public"}
    assert set(await names(alt)) == {"public"}
    assert set(await names(alt, "?visibility=community")) == {"demo-community"}
    assert set(await names(alt, "?visibility=all")) == {"demo-community", "public"}
    assert set(await names(alt, "?os_hidden=true")) == {"hidden"}
    assert set(await names(admin)) == {"demo-private", "demo-shared", "public"}
    assert set(await names(admin, "?visibility=all")) == {"demo-private", "demo-shared", "demo-community", "public"}
    assert set(await names(demo, "?visibility=private")) == {"demo-private"}
    assert set(await names(demo, "?visibility=shared")) == {"demo-shared"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?name=a", "a"), ("?name=in:a,c", "ac"), ("?name=%25", ""), ("?name=_", ""), ("?os_distro=debian", "ab"),
        ("?os_distro=debian&team=x", "a"), ("?os_distro=", ""), ("?tag=t1", "ab"), ("?tag=t1&tag=t2", "b"),
        ("?size_min=2", "b"), ("?size_max=1", "a"), ("?min_ram=64", "c"), ("?min_ram_min=1", "c"),
        ("?disk_format=qcow2", "c"), ("?disk_format=in:raw,iso", "ab"), ("?status=active", "ab"),
        ("?status=in:queued,saving", "c"), ("?protected=true", "c"), ("?protected=false", "ab"),
        ("?created_at=gte:2020-01-01", "abc"), ("?created_at=lt:2020-01-01T00:00:00Z", ""), ("?owner=nobody", ""),
        ("?checksum=0cc175b9c0f1b6a831c399e269772661", "a"), ("?owner={project_id}", "abc"),
        ("?min_disk_max=99999999999", "abc"), ("?name=' OR 1=1--", ""),
    ],
)  # fmt: skip
async def test_filters(filled: tuple[TestCloud, JsonClient], query: str, found: str) -> None:
    _, demo = filled
    assert "".join(sorted(await names(demo, query))) == found


@pytest.fixture
async def filled(cloud: TestCloud) -> tuple[TestCloud, JsonClient]:
    """a and b with data of 1 and 2 bytes, c without."""
    demo = await cloud.http("demo")
    a = await a_queued_image(demo, name="a", os_distro="debian", team="x", tags=["t1"])
    b = await a_queued_image(demo, name="b", os_distro="debian", team="y", tags=["t1", "t2"])
    await a_queued_image(demo, name="c", os_distro="ubuntu", min_ram=64, disk_format="qcow2", protected=True)
    for image_id, data in ((a, b"a"), (b, b"bb")):
        (await demo.put("image", f"/v2/images/{image_id}/file", data=data, headers=OCTETS)).ok(204)
    return cloud, demo


@pytest.mark.parametrize(
    "sort",
    [
        "",
        "sort=name:asc",
        "sort=name:desc,size:asc",
        "sort_key=size&sort_dir=asc",
        "sort=disk_format:asc,created_at:desc",
    ],
)
async def test_pages_lead_through_the_whole_list_without_doubles(cloud: TestCloud, sort: str) -> None:
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    for number in range(7):
        await a_queued_image(demo, name=f"n{number % 3}" if number else None, disk_format="raw" if number % 2 else None)
    await a_queued_image(admin, name="public", visibility="public")
    whole = (await demo.get("image", f"/v2/images?{sort}")).ok(200).json["images"]
    assert len(whole) == 8
    seen: list[str] = []
    path: str | None = f"/v2/images?limit=3&{sort}".rstrip("&")
    while path is not None:
        body = (await demo.get("image", path)).ok(200).json
        seen += [image["id"] for image in body["images"]]
        path = body.get("next")
    assert seen == [image["id"] for image in whole]


async def test_limits_of_a_page(filled: tuple[TestCloud, JsonClient]) -> None:
    _, demo = filled
    assert (await demo.get("image", "/v2/images?limit=0")).ok(200).json == {
        "images": [],
        "first": "/v2/images?limit=0",
        "schema": "/v2/schemas/images",
    }
    assert "next" not in (await demo.get("image", "/v2/images?limit=4")).ok(200).json
    assert "next" in (await demo.get("image", "/v2/images?limit=3")).ok(200).json
    assert len(await names(demo, "?limit=" + "9" * 30)) == 3


async def test_markers_that_lead_nowhere_all_look_the_same(cloud: TestCloud) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    foreign = await a_queued_image(alt, visibility="private")
    bodies = {
        (await demo.get("image", f"/v2/images?marker={marker}")).ok(400).body
        for marker in (foreign, "00000000-0000-4000-8000-000000000000", "x")
    }
    assert len(bodies) == 1


async def test_a_protection_file_hides_and_guards_properties(a_cloud: ACloud, tmp_path: Any) -> None:
    file = tmp_path / "protection.conf"
    file.write_text(
        "[^secret_]\ncreate = admin\nread = admin\nupdate = admin\ndelete = admin\n"
        "[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n"
    )
    cloud = await a_cloud(services=TWO, settings={"image": {"property_protection_file": file}})
    admin, demo = await cloud.http("admin"), await cloud.http("demo")
    (await demo.post("image", "/v2/images", json={"secret_a": "1"})).ok(403)
    image_id = await a_queued_image(demo, open="1")
    (await patch(admin, image_id, ("add", "/secret_a", "s"))).ok(200)
    assert "secret_a" not in await get_image(demo, image_id)
    assert "secret_a" not in (await patch(demo, image_id, ("replace", "/open", "2"))).ok(200).json
    (await patch(demo, image_id, ("add", "/secret_a", "mine"))).ok(403)
    assert await names(demo, "?secret_a=s") == []
    assert (await get_image(admin, image_id))["secret_a"] == "s"


@pytest.mark.parametrize(("release", "visibility"), [("newton", "private"), ("ocata", "shared"), ("current", "shared")])
async def test_what_a_new_image_is_by_default(a_cloud: ACloud, release: str, visibility: str) -> None:
    cloud = await a_cloud(services=TWO, release=release)
    demo = await cloud.http("demo")
    assert (await get_image(demo, await a_queued_image(demo)))["visibility"] == visibility


@pytest.mark.parametrize(("release", "ids", "call"), [("icehouse", {"v1.0", "v1.1"}, 200), ("current", set(), 300)])
async def test_the_first_api_comes_and_goes_with_the_release(
    a_cloud: ACloud, release: str, ids: set[str], call: int
) -> None:
    cloud = await a_cloud(services=TWO, release=release)
    demo = await cloud.http("demo")
    for path, status in (("/", 300), ("/versions", 200), ("/v1", 300), ("/v1/", 300)):
        versions = (await demo.get("image", path)).ok(status).json["versions"]
        assert {version["id"] for version in versions} - {f"v2.{minor}" for minor in range(20)} == ids
    (await demo.get("image", "/v1/images")).ok(call)


async def test_what_is_not_there_says_so_in_the_apis_own_shape(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    path = "/v2/images/x/members"
    answer = (await demo.get("image", path, headers={"Accept": "application/json"})).ok(404)
    assert answer.json["code"] == "404 Not Found"
    answer = (await demo.get("image", path, headers={"Accept": "*/*"})).ok(404)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<h1>404 Not Found</h1>" in answer.body
    (await demo.get("image", "/v2/nonsense")).ok(404)
    assert "PATCH" in (await demo.put("image", "/v2/images/x")).ok(405).headers["Allow"]


async def test_schemas_tell_base_attributes_from_described_ones(cloud: TestCloud) -> None:
    demo = await cloud.http("demo")
    for name in ("image", "images", "member", "members"):
        assert (await demo.get("image", f"/v2/schemas/{name}")).ok(200).json["name"] == name
    properties = (await demo.get("image", "/v2/schemas/image")).json["properties"]
    assert {name for name, entry in properties.items() if entry.get("is_base") is False} == {
        "kernel_id", "ramdisk_id", "instance_uuid", "architecture", "os_distro", "os_version", "description",
        "cinder_encryption_key_id", "cinder_encryption_key_deletion_policy",
    }  # fmt: skip
    (await demo.get("image", "/v2/schemas/nothing")).ok(404)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"1", b'{"a": NaN}', b'{"a": "\\u0000"}', b'{"a": "\\ud800"}',
     b'{"a":"1","a":"2"}', b"[" * 100_000, b'{"name": "\xff"}', b'{"min_ram": 1e999}'],
)  # fmt: skip
async def test_bodies_that_are_none_are_refused(cloud: TestCloud, body: bytes) -> None:
    demo = await cloud.http("demo")
    (await demo.post("image", "/v2/images", data=body, headers={"Content-Type": "application/json"})).ok(400)
    assert await names(demo) == []


@pytest.fixture
async def rpc(cloud: TestCloud) -> AsyncIterator[RpcClient]:
    """Another service's."""
    assert cloud.cloud.broker is not None
    transport = MemoryTransport(cloud.cloud.broker, name="other-service")
    client = RpcClient(transport)
    yield client
    await client.close()
    await transport.close()


def for_user(client: JsonClient) -> RequestContext:
    """What a service asks for with the user's own context."""
    return RequestContext(project_id=client.project_id, roles=("member", "reader")).as_service()


async def test_the_bus_is_no_back_door(cloud: TestCloud, rpc: RpcClient) -> None:
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    mine, other = for_user(demo), for_user(alt)
    made = await rpc.call(mine, CreateImage(name="snap", visibility="private", properties={"a": "1", "b": "2"}))
    assert (made.owner, made.status, made.properties) == (demo.project_id, "queued", {"a": "1", "b": "2"})
    for call in (GetImage(image_id=made.id), DeleteImage(image_id=made.id), UpdateImage(image_id=made.id)):
        with pytest.raises(ImageNotFound):
            await rpc.call(other, call)  # type: ignore[arg-type]  # calls of several answers
    with pytest.raises(Forbidden):
        await rpc.call(mine, CreateImage(visibility="public"))
    with pytest.raises(Forbidden):
        await rpc.call(mine, CreateImage(properties={"os_glance_x": "1"}))
    await cloud.rows(
        "image",
        "INSERT INTO image_properties (image_id, name, value, created_at, updated_at, image_created_at)"
        " VALUES ($1, 'os_glance_x', '', now(), now(), now())",
        made.id,
    )
    changed = await rpc.call(
        mine, UpdateImage(image_id=made.id, changes={"name": "new"}, properties={"b": "3"}, purge=True)
    )
    assert (changed.name, changed.properties) == ("new", {"b": "3", "os_glance_x": ""})  # its own are not purged
    await rpc.call(mine, DeleteImage(image_id=made.id))
    with pytest.raises(ImageNotFound):
        await rpc.call(mine, GetImage(image_id=made.id))
    shared = await rpc.call(mine, CreateImage(visibility="shared", member=alt.project_id))
    assert (await rpc.call(other, GetImage(image_id=shared.id))).id == shared.id


async def test_a_call_for_an_image_that_is_handled_twice_makes_one_and_answers_twice(
    cloud: TestCloud, rpc: RpcClient
) -> None:
    """Whichever answer reaches the caller first. An id that another image has, or had, is refused."""
    demo, alt = await cloud.http("demo"), await cloud.http("alt")
    mine, other = for_user(demo), for_user(alt)
    call = CreateImage(id=str(uuid4()), name="snap", visibility="private", properties={"a": "1"})
    first, second = await asyncio.gather(rpc.call(mine, call), rpc.call(mine, call))
    assert first == second == await rpc.call(mine, call)
    assert await names(demo) == ["snap"]
    for ctx, message in ((mine, call.model_copy(update={"name": "another"})), (other, call)):
        with pytest.raises(Conflict):
            await rpc.call(ctx, message)
    await rpc.call(mine, DeleteImage(image_id=first.id))
    with pytest.raises(Conflict):
        await rpc.call(mine, call)
