"""What an operator sets around images: protected properties, policies, quotas, silence, and a look at the layers."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows.test_image_events import Ear
from stackwire.cloud.cloud import Cloud
from support.builders.images import a_queued_image, get_image
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
TWO = ("identity", "image")
VERBS = ("create", "read", "update", "delete")

CELLS = {
    "^x_free": "@ @ @ @",
    "^x_told": "admin @ admin admin",
    "^x_hidden": "admin admin admin admin",
    "^x_left": "@ admin admin admin",
    "^x_fixed": "@ @ admin @",
    "^x_kept": "@ @ @ admin",
    "^x_nobodys": "! ! ! !",
    "^x": "! ! ! !",
    "_of_members$": "Member Member Member Member",
}
"""Who may create, read, update and delete; the first that matches decides, and what none matches is nobody's."""


def protection_file(folder: Path, form: str) -> Path:
    """The same rules by roles, or by policies of those names."""
    named = {"@": "@", "!": "!", "admin": "admin", "Member": "Member"}
    if form == "policies":
        named.update(admin="Context_Is_Admin", Member="Any_Member")
    sections = [
        "\n".join([f"[{title}]", *(f"{verb} = {named[cell]}" for verb, cell in zip(VERBS, cells.split(), strict=True))])
        for title, cells in CELLS.items()
    ]
    (folder / "policy.yaml").write_text('"Context_Is_Admin": "role:admin"\n"Any_Member": "role:member"\n')
    (folder / "protection.conf").write_text("\n\n".join(sections))
    return folder / "protection.conf"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("protection")


async def change(client: JsonClient, image_id: str, op: str, name: str, value: Any = None) -> Answer:
    step = {"op": op, "path": f"/{name}", **({} if value is None else {"value": value})}
    return await client.patch("image", f"/v2/images/{image_id}", json=[step], headers=PATCH)


@pytest.mark.parametrize(
    ("name", "create", "seen", "update", "delete"),
    [
        ("x_free", 201, True, 200, 200),
        ("x_told", 403, True, 403, 403),
        ("x_hidden", 403, False, 409, 409),
        ("x_left", 201, False, 409, 409),
        ("x_fixed", 201, True, 403, 200),
        ("x_kept", 201, True, 200, 403),
        ("x_nobodys", 403, False, 409, 409),
        ("x_of_members", 403, False, 409, 409),
        ("x", 403, False, 409, 409),
        ("some_of_members", 201, True, 200, 200),
        ("some_of_members_not", 403, False, 409, 409),
        ("my_x_free", 403, False, 409, 409),
    ],
)
@pytest.mark.parametrize("form", ["roles", "policies"])
async def test_who_may_do_what_with_a_protected_property(
    a_shared_cloud: ASharedCloud, folder: Path, form: str, name: str, create: int, seen: bool, update: int, delete: int
) -> None:
    (folder / form).mkdir(exist_ok=True)
    file = folder / form / "protection.conf"
    settings = {
        "property_protection_file": file if file.exists() else protection_file(folder / form, form),
        "property_protection_rule_format": form,
        "policy_file": folder / form / "policy.yaml",
    }
    cloud = await a_shared_cloud(settings={"image": settings})
    demo, admin = await cloud.http("demo"), await cloud.http("admin")
    made = (await demo.post("image", "/v2/images", json={name: "mine"})).ok(create)
    assert create == 403 or (name in made.json) is seen
    image_id = await a_queued_image(demo)
    (await change(demo, image_id, "add", name, "mine")).ok(200 if create == 201 else 403)
    by_admin = await change(admin, image_id, "add", name, "theirs")
    assert (name in await get_image(demo, image_id)) is (seen and (create == 201 or by_admin.status == 200))
    before = (await get_image(admin, image_id)).get(name)
    (await change(demo, image_id, "replace", "name", "new")).ok(200)
    listed = (await demo.get("image", f"/v2/images?{name}={before}")).ok(200).json["images"]
    assert bool(listed) is (seen and before is not None)
    assert (await get_image(admin, image_id)).get(name) == before
    if not (seen and before is None):
        (await change(demo, image_id, "replace", name, "changed")).ok(update)
        assert (await get_image(admin, image_id)).get(name) == ("changed" if update == 200 else before)
        (await change(demo, image_id, "remove", name)).ok(delete)
        assert (name in await get_image(admin, image_id)) is (before is not None and delete != 200)


@pytest.mark.parametrize(
    ("protection", "form", "why"),
    [
        ("[a]\ncreate = @\nread = @\nupdate = @\n", "roles", "does not say who may delete"),
        ("[a]\ncreate = @,!\nread = @\nupdate = @\ndelete = @\n", "roles", "both"),
        ("[(]\ncreate = @\nread = @\nupdate = @\ndelete = @\n", "roles", "protection file"),
        ("[a]\ncreate = one, two\nread = @\nupdate = @\ndelete = @\n", "policies", "more than one"),
        ("[a]\ncreate = nothing_of_the_kind\nread = @\nupdate = @\ndelete = @\n", "policies", "nothing_of_the_kind"),
        (None, "roles", "No such file"),
    ],
)
async def test_a_protection_file_that_cannot_be_used_stops_the_start(
    a_cloud: ACloud, tmp_path: Path, protection: str | None, form: str, why: str
) -> None:
    file = tmp_path / "protection.conf"
    if protection is not None:
        file.write_text(protection)
    settings = {"property_protection_file": file, "property_protection_rule_format": form}
    with pytest.raises((ValueError, OSError), match=why):
        await a_cloud(services=TWO, settings={"image": settings})


@pytest.mark.one_process
async def test_a_policy_file_replaces_rules_one_by_one_and_is_read_again_when_it_changes(
    a_cloud: ACloud, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"publicize_image": "role:member"\n"deactivate": "!"\n')
    cloud = await a_cloud(services=TWO, settings={"image": {"policy_file": file}})
    demo, reader = await cloud.http("demo"), await cloud.http("reader")
    image_id = await a_queued_image(demo, visibility="public")
    (await demo.put("image", f"/v2/images/{image_id}/file", data=b"x", headers=OCTETS)).ok(204)
    (await demo.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(403)
    (await reader.post("image", "/v2/images", json={})).ok(403)
    for text, status in (('"get_images": "!"\n', 403), ("[not: yaml\n", 403), ("", 200)):
        file.write_text(text)
        os.utime(file, ns=(0, len(text)))  # some other time, however coarse the clock of the disk is
        await swept(cloud.cloud)
        (await demo.get("image", "/v2/images")).ok(status)
    (await demo.post("image", "/v2/images", json={"visibility": "public"})).ok(403)
    (await demo.post("image", f"/v2/images/{image_id}/actions/deactivate")).ok(204)


async def swept(cloud: Cloud) -> None:
    """All the image service does from time to time, done now."""
    for sweep in cloud.services["image"]._sweeps._sweeps:
        await sweep.run()


async def test_a_policy_file_that_is_not_there_stops_the_start(a_cloud: ACloud, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await a_cloud(services=TWO, settings={"image": {"policy_file": tmp_path / "policy.yaml"}})


@pytest.mark.parametrize(
    ("disabled", "told"),
    [
        ((), "image.create image.member.create image.update image.prepare image.upload image.activate image.update "
             "image.send image.delete metadef_tag.create"),
        (("image.send", "image.prepare"), "image.create image.member.create image.update image.upload image.activate "
                                          "image.update image.delete metadef_tag.create"),
        (("image",), "metadef_tag.create"),
        (("image.member", "image.up", "metadef_tag"),
         "image.create image.update image.prepare image.upload image.activate image.update image.send image.delete"),
    ],
)  # fmt: skip
async def test_what_is_disabled_is_not_reported(
    a_shared_cloud: ASharedCloud, disabled: tuple[str, ...], told: str
) -> None:
    cloud = await a_shared_cloud(settings={"image": {"disabled_notifications": disabled}})
    demo, admin, ear = await cloud.http("demo"), await cloud.http("admin"), Ear("glance")
    (await admin.post("image", "/v2/metadefs/namespaces", json={"namespace": "silent"})).ok(201)
    await cloud.settle()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.hear)
    image_id = await a_queued_image(demo)
    path = f"/v2/images/{image_id}"
    (await demo.post("image", f"{path}/members", json={"member": "x"})).ok(200)
    (await demo.put("image", f"{path}/file", data=b"x", headers=OCTETS)).ok(204)
    (await demo.get("image", f"{path}/file")).ok(200)
    await cloud.settle()
    (await demo.delete("image", path)).ok(204)
    await cloud.settle()
    (await admin.post("image", "/v2/metadefs/namespaces/silent/tags/t")).ok(201)
    await cloud.settle()
    await watch.cancel()
    assert ear.types == told.split()


async def test_a_word_no_event_begins_with_stops_the_start(a_cloud: ACloud) -> None:
    with pytest.raises(ValueError, match="name of no event"):
        await a_cloud(services=TWO, settings={"image": {"disabled_notifications": ("images",)}})


RACERS = 64
LIMITS = {
    "image_property_quota": 10, "image_tag_quota": 10, "image_member_quota": 10, "image_count_total": 150,
    "user_storage_quota": "100B",
}  # fmt: skip


@pytest.fixture
async def limited(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud(settings={"image": LIMITS})


async def statuses(asked: list[Any]) -> dict[int, int]:
    answers = [answer.status for answer in await asyncio.gather(*asked)]
    return {status: answers.count(status) for status in set(answers)}


@pytest.mark.parametrize("what", ["properties", "tags", "members"])
async def test_of_many_who_ask_at_once_as_many_get_as_may(limited: TestCloud, what: str) -> None:
    demo = await limited.http("demo")
    image_id = await a_queued_image(demo)
    path = f"/v2/images/{image_id}"
    asked = {
        "properties": lambda n: change(demo, image_id, "add", f"p{n}", "x"),
        "tags": lambda n: demo.put("image", f"{path}/tags/t{n}"),
        "members": lambda n: demo.post("image", f"{path}/members", json={"member": f"m{n}"}),
    }[what]
    granted = 204 if what == "tags" else 200
    assert await statuses([asked(n) for n in range(RACERS)]) == {granted: 10, 413: RACERS - 10}
    image = await get_image(demo, image_id)
    members = (await demo.get("image", f"{path}/members")).ok(200).json["members"]
    kept = {
        "properties": [name for name in image if name.startswith("p") and name[1:].isdigit()],
        "tags": image["tags"],
        "members": members,
    }
    assert len(kept[what]) == 10


@pytest.mark.parametrize("announced", [True, False])
async def test_a_project_stores_no_more_bytes_than_it_may_however_many_bring_them(
    limited: TestCloud, announced: bool
) -> None:
    async def ten() -> AsyncIterator[bytes]:
        yield b"0123456789"

    demo = await limited.http("demo")
    images = [await a_queued_image(demo) for _ in range(RACERS)]

    def upload(image_id: str) -> Any:
        data = b"0123456789" if announced else ten()
        return demo.put("image", f"/v2/images/{image_id}/file", data=data, headers=OCTETS)

    assert await statuses([upload(image_id) for image_id in images]) == {204: 10, 413: RACERS - 10}
    sizes = [(await get_image(demo, image_id))["size"] for image_id in images]
    assert sorted(size or 0 for size in sizes) == [0] * (RACERS - 10) + [10] * 10
    for image_id in images:
        (await demo.delete("image", f"/v2/images/{image_id}")).ok(204)


async def test_a_project_has_no_more_images_than_it_may_however_many_ask(limited: TestCloud) -> None:
    alt = await limited.http("alt")
    assert await statuses([alt.post("image", "/v2/images", json={}) for _ in range(149)]) == {201: 149}
    found = await statuses([alt.post("image", "/v2/images", json={}) for _ in range(RACERS)])
    assert found == {201: 1, 413: RACERS - 1}


async def test_a_page_shows_a_requests_way_through_the_layers(
    a_cloud: ACloud, caplog: pytest.LogCaptureFixture
) -> None:
    cloud = await a_cloud(services=TWO, settings={"image": {"debug": True}})
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    made = (await demo.post("image", "/v2/images", json={"visibility": "private", "name": "secret-name"})).ok(201)
    refused = (await alt.get("image", f"/v2/images/{made.json['id']}")).ok(404)
    for answer, words in (
        (made, ["Authorization", "PropertyProtection", "Notifier", "Policy", "Quota", "Location", "Database"]),
        (refused, ["refused: ImageNotFound (404)"]),
    ):
        request_id = answer.headers["X-Openstack-Request-Id"]
        page = (await admin.get("image", f"/onion/{request_id}")).ok(200)
        text = page.body.decode()
        places = [text.index(word) for word in words]
        assert places == sorted(places)
        assert "secret-name" not in text
        assert any(request_id in line and "Authorization" in line for line in caplog.messages)
        for client in (demo, alt):
            (await client.get("image", f"/onion/{request_id}")).ok(404)
    assert not [line for line in caplog.messages if demo.token in line or "secret-name" in line]
    (await admin.get("image", "/onion/req-unknown")).ok(404)


async def test_the_page_is_not_there_otherwise(a_shared_cloud: ASharedCloud) -> None:
    cloud = await a_shared_cloud(settings={"image": LIMITS})
    admin = await cloud.http("admin")
    answer = await admin.get("image", "/v2/images")
    (await admin.get("image", f"/onion/{answer.headers['X-Openstack-Request-Id']}")).ok(300)
