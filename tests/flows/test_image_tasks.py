"""The tasks API: for administrators, who see every task and may ask for imports of the old kind."""

import json
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.test_image_import import DIRECT, files, said
from support.builders.images import a_queued_image, a_staged_image, get_image
from support.cloud import ACloud, Answer, ASharedCloud, JsonClient, TestCloud
from support.web import Mirror, a_mirror

QCOW2 = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30).ljust(65536, b"\0")
LEAKS = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0x200, 1, 16, 1 << 30).ljust(65536, b"\0")
NOBODY = "0b1a2c3d-0000-4000-8000-000000000000"


@pytest.fixture
async def shared(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture
async def mirror() -> AsyncIterator[Mirror]:
    async with a_mirror() as made:
        made.pages |= {"/image": QCOW2, "/leaks": LEAKS}
        yield made


@pytest.fixture
async def cloud(a_cloud: ACloud, mirror: Mirror) -> TestCloud:
    """It may fetch from the mirror."""
    settings = {"import_filtering_allowed_hosts": "127.0.0.1", "import_filtering_allowed_ports": f"{mirror.port}"}
    return await a_cloud(services=("identity", "image"), settings={"image": settings})


def an_import(uri: str, disk_format: str = "qcow2", **properties: Any) -> dict[str, Any]:
    given = {"import_from": uri, "import_from_format": disk_format, "image_properties": properties}
    return {"type": "import", "input": given}


async def ask(client: JsonClient, wish: Any) -> Answer:
    return await client.post("image", "/v2/tasks", json=wish)


async def task(client: JsonClient, task_id: str) -> Any:
    return (await client.get("image", f"/v2/tasks/{task_id}")).ok(200).json


async def test_an_import_makes_an_image_and_fills_it(cloud: TestCloud, mirror: Mirror) -> None:
    admin = await cloud.http("admin")
    wish = an_import(f"{mirror.url}/image", name="made", visibility="public", os_distro="debian")
    answer = (await ask(admin, wish)).ok(201)
    asked = answer.json
    assert answer.headers["Location"] == asked["self"] == f"/v2/tasks/{asked['id']}"
    assert (asked["status"], asked["type"], asked["owner"]) == ("pending", "import", admin.project_id)
    assert (asked["input"], asked["result"], asked["message"]) == (wish["input"], None, "")
    assert "expires_at" not in asked
    await cloud.settle()
    done = await task(admin, asked["id"])
    assert done["status"] == "success"
    assert done["expires_at"] > done["updated_at"]
    image = await get_image(admin, done["result"]["image_id"])
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(QCOW2), 1 << 30)
    assert (image["name"], image["visibility"], image["os_distro"]) == ("made", "public", "debian")
    assert (image["disk_format"], image["container_format"]) == ("qcow2", "bare")
    assert await said(cloud, asked["id"]) == ["task.create", "task.processing", "task.success", "task.run"]
    assert await said(cloud, image["id"]) == [
        "image.create", "image.update", "image.prepare", "image.upload", "image.activate", "image.update",
    ]  # fmt: skip
    (crossed,) = await cloud.rows("image", "SELECT payload FROM outbox WHERE name = 'properties.crossed'")
    assert (crossed["payload"]["to_id"], crossed["payload"]["after"]) == (image["id"], {"os_distro": "debian"})
    schema = (await admin.get("image", "/v2/schemas/task")).ok(200).json
    assert done.keys() <= schema["properties"].keys()


@pytest.mark.parametrize(
    ("path", "properties", "why"),
    [
        ("/leaks", {}, "unsafe"), ("/nothing", {}, "404"), ("/image", {"owner": "x", "id": NOBODY}, None),
        ("/leaks", {"protected": True}, "unsafe"),
    ],
    ids=str,
)  # fmt: skip
async def test_an_image_that_could_not_be_filled_goes_again(
    cloud: TestCloud, mirror: Mirror, path: str, properties: dict[str, Any], why: str | None
) -> None:
    admin = await cloud.http("admin")
    asked = (await ask(admin, an_import(mirror.url + path, **properties))).ok(201).json
    await cloud.settle()
    done = await task(admin, asked["id"])
    images = (await admin.get("image", "/v2/images")).ok(200).json["images"]
    if why is None:
        assert (done["status"], images[0]["id"], images[0]["owner"]) == ("success", NOBODY, "x")
        again = (await ask(admin, an_import(mirror.url + path, **properties))).ok(201).json
        await cloud.settle()
        assert (await task(admin, again["id"]))["message"] == f"Image ID {NOBODY} already exists!"
        return
    assert (done["status"], done["result"]) == ("failure", None)
    assert why in done["message"]
    assert [image["status"] for image in images] == (["queued"] if properties else [])
    assert files(cloud) == []
    assert (await said(cloud, asked["id"]))[-1] == "task.failure"


async def test_an_image_whose_task_died_with_its_worker_goes_too(cloud: TestCloud) -> None:
    admin = await cloud.http("admin")
    image_id = await a_queued_image(admin)
    root = Path(cloud.cloud.options.data_dir) / "image"
    (root / "incoming" / f"{image_id}.half").write_bytes(b"half")
    await cloud.rows(
        "image", "UPDATE images SET status = 'saving', object = $2 WHERE id = $1",
        image_id, f"{image_id}.half",
    )  # fmt: skip
    await cloud.rows(
        "image",
        "INSERT INTO tasks (id, type, status, owner, image_id, created_at, updated_at)"
        " VALUES ($1, 'import', 'processing', $2, $3, now(), now())",
        NOBODY, admin.project_id, image_id,
    )  # fmt: skip
    await cloud.cloud.restart("image")
    assert (await task(admin, NOBODY))["status"] == "failure"
    (await admin.get("image", f"/v2/images/{image_id}")).ok(404)
    assert files(cloud) == []
    assert (await said(cloud, image_id))[-2:] == ["image.update", "image.delete"]


async def test_tasks_are_for_administrators(shared: TestCloud) -> None:
    demo, admin = await shared.http("demo"), await shared.http("admin")
    for answer in (
        await ask(demo, an_import("http://example.org/")),
        await ask(demo, {"nonsense": True}),
        await demo.get("image", "/v2/tasks"),
        await demo.get("image", f"/v2/tasks/{NOBODY}"),
    ):
        answer.ok(403)
    (await admin.get("image", f"/v2/tasks/{NOBODY}")).ok(404)
    (await admin.get("image", "/v2/tasks/nonsense")).ok(404)
    refused = (await admin.delete("image", f"/v2/tasks/{NOBODY}")).ok(405)
    assert "GET" in refused.headers["Allow"]


@pytest.mark.parametrize(
    "wish",
    [
        [], {}, {"type": "import"}, {"input": {}}, {"type": "export", "input": {}}, {"type": 5, "input": {}},
        {"type": "import", "input": None}, {"type": "import", "input": {}}, {"type": "import", "input": []},
        {**an_import("http://93.184.216.34/"), "colour": "red"},
        an_import(""), an_import("file:///etc/passwd"), an_import("filesystem:///x"), an_import("swift://x/"),
        an_import("http://127.0.0.1:1/"), an_import("http://2130706433/"), an_import("http://0x7f.1/"),
        an_import("http://[::ffff:127.0.0.1]/"), an_import("http://there.is.no.such.name.invalid/"),
        an_import("http://93.184.216.34/", "nonsense"), an_import("http://93.184.216.34/", min_ram=-1),
        an_import("http://93.184.216.34/", "qcow2", container_format=5),
        {"type": "import", "input": {**an_import("http://93.184.216.34/")["input"], "more": 1}},
        {"type": "import", "input": {**an_import("http://93.184.216.34/")["input"], "image_properties": []}},
        {"type": "import", "input": {**an_import("http://93.184.216.34/")["input"], "import_from": 5}},
        {"type": "import", "input": {
            **an_import("http://93.184.216.34/")["input"], "image_properties": {"disk_format": "raw"}}},
        {"type": "api_image_import", "input": {}}, {"type": "api_image_import", "input": {"image_id": "x"}},
    ],
    ids=lambda wish: json.dumps(wish)[-70:],
)  # fmt: skip
async def test_a_task_that_makes_no_sense_is_none(shared: TestCloud, wish: Any) -> None:
    admin = await shared.http("admin")
    before = await shared.rows("image", "SELECT count(*) FROM tasks")
    (await ask(admin, wish)).ok(400)
    assert await shared.rows("image", "SELECT count(*) FROM tasks") == before


async def test_what_a_create_would_refuse_a_task_refuses(shared: TestCloud) -> None:
    admin = await shared.http("admin")
    (await ask(admin, an_import("http://93.184.216.34/", os_glance_x="y"))).ok(403)
    (await ask(admin, an_import("http://93.184.216.34/", status="active"))).ok(403)


async def test_a_made_up_task_does_not_touch_an_image(shared: TestCloud) -> None:
    demo, admin = await shared.http("demo"), await shared.http("admin")
    image_id = await a_staged_image(demo, b"x")
    wish = {"image_id": image_id, "import_req": DIRECT, "backend": ["file"]}
    asked = (await ask(admin, {"type": "api_image_import", "input": wish})).ok(201).json
    assert asked["image_id"] == image_id
    await shared.settle()
    assert (await task(admin, asked["id"]))["status"] == "failure"
    image = await get_image(demo, image_id)
    assert image["status"] == "uploading"
    assert "os_glance_failed_import" not in image
    (await demo.post("image", f"/v2/images/{image_id}/import", json=DIRECT)).ok(202)
    await shared.settle()
    assert (await get_image(demo, image_id))["status"] == "active"


async def test_tasks_are_listed_filtered_and_paged(a_cloud: ACloud) -> None:
    cloud = await a_cloud(services=("identity", "image"))
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    for client in (demo, alt, demo):
        image_id = await a_staged_image(client, b"x")
        (await client.post("image", f"/v2/images/{image_id}/import", json=DIRECT)).ok(202)
    await cloud.settle()
    failed = await a_staged_image(demo, b"x", disk_format="qcow2")
    (await demo.post("image", f"/v2/images/{failed}/import", json=DIRECT)).ok(202)
    await cloud.settle()

    async def listed(query: str) -> Any:
        return (await admin.get("image", f"/v2/tasks{query}")).ok(200).json

    whole = await listed("")
    assert (whole["first"], whole["schema"], len(whole["tasks"])) == ("/v2/tasks", "/v2/schemas/tasks", 4)
    assert "next" not in whole
    ids = [one["id"] for one in whole["tasks"]]
    assert whole["tasks"][0]["status"] == "failure"
    assert not whole["tasks"][0].keys() & {"input", "result", "message", "image_id"}
    assert [one["id"] for one in (await listed("?sort_dir=asc"))["tasks"]] == ids[::-1]
    for sort in ("id", "type", "status", "owner", "updated_at", "expires_at", "image_id"):
        seen: list[str] = []
        query = f"?limit=1&sort_key={sort}&sort_dir=asc"
        while query:
            page = await listed(query)
            seen += [one["id"] for one in page["tasks"]]
            query = "?" + urlsplit(page["next"]).query if "next" in page else ""
            if query:
                assert parse_qs(query[1:])["sort_key"] == [sort]
        assert sorted(seen) == sorted(ids), sort
    assert len((await listed("?status=success&type=api_image_import"))["tasks"]) == 3
    assert (await listed("?type=import"))["tasks"] == []
    assert len((await listed(f"?owner={alt.project_id}"))["tasks"]) == 1
    assert (await listed(f"?image_id={failed}"))["tasks"][0]["id"] == ids[0]
    assert (await listed("?limit=0"))["tasks"] == []
    for bad in (
        "limit=-1", "limit=x", "limit=", "marker=x", f"marker={NOBODY}", "sort_key=input", "sort_dir=up", "status=done",
        "type=export", "status=success&status=failure",
    ):  # fmt: skip
        (await admin.get("image", f"/v2/tasks?{bad}")).ok(400)
    schema = (await admin.get("image", "/v2/schemas/tasks")).ok(200).json
    assert whole["tasks"][0].keys() <= schema["properties"]["tasks"]["items"]["properties"].keys()


async def test_the_stock_client_stages_imports_and_lists_tasks(cloud: TestCloud, mirror: Mirror, tmp_path: Any) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"stackwire" * 1000)
    admin = await cloud.http("admin")
    formats = ("--disk-format", "raw", "--container-format", "bare")
    await cloud.openstack("image", "create", *formats, "--file", str(disk), "--import", "imported", user="admin")
    await a_queued_image(admin, name="staged")
    await cloud.openstack("image", "stage", "--file", str(disk), "staged", user="admin")
    await cloud.openstack("image", "import", "--method", "glance-direct", "staged", user="admin")
    fetched = await a_queued_image(admin, name="fetched", disk_format="qcow2")
    await cloud.openstack(
        "image", "import", "--method", "web-download", "--uri", f"{mirror.url}/image", fetched, user="admin"
    )
    await cloud.settle()
    found = json.loads(await cloud.openstack("image", "list", "-f", "json", user="admin"))
    assert {image["Name"]: image["Status"] for image in found} == dict.fromkeys(
        ("imported", "staged", "fetched"), "active"
    )
    tasks = json.loads(await cloud.openstack("image", "task", "list", "-f", "json", user="admin"))
    assert [one["Status"] for one in tasks] == ["success"] * 3
    shown = json.loads(await cloud.openstack("image", "task", "show", tasks[0]["ID"], "-f", "json", user="admin"))
    assert (shown["id"], shown["result"]) == (tasks[0]["ID"], {"image_id": fetched})
    methods = json.loads(await cloud.openstack("image", "import", "info", "-f", "json", user="admin"))
    assert methods["import-methods"]
