"""Who may do what with whose image: a table of calls by eight roles, each cell tried over real HTTP.

Beside each answer three things are looked at: an image that is not yours answers byte for byte like one that never was;
nothing written into it is in the answers to those who may not see it; and what was refused changed nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from support.cloud import Answer, ASharedCloud, JsonClient, TestCloud
from support.isolation import CANARY, AsService

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
OCTETS = {"Content-Type": "application/octet-stream"}
ROLES = ("own", "rd", "oth", "mP", "mA", "mR", "adm", "svc")
"""A member of the owner's project, a reader there, a member elsewhere; members of projects the image is shared with,
who have not answered, accepted, rejected; an administrator; the owner's call made by a service."""

TABLE = """
call                       | image                    | own rd  oth mP  mA  mR  adm svc
show                       | private                  | 200 200 404 404 404 404 200 200
show                       | shared                   | 200 200 404 200 200 200 200 200
show                       | community                | 200 200 200 200 200 200 200 200
show                       | public                   | 200 200 200 200 200 200 200 200
show                       | private deactivated      | 200 200 404 404 404 404 200 200
show                       | shared deactivated       | 200 200 404 200 200 200 200 200
show                       | public deactivated       | 200 200 200 200 200 200 200 200
show                       | public deleted           | 404 404 404 404 404 404 404 404
list                       | private                  | yes yes no  no  no  no  yes yes
list                       | shared                   | yes yes no  no  yes no  yes yes
list                       | community                | yes yes no  no  no  no  no  yes
list                       | public                   | yes yes yes yes yes yes yes yes
list                       | public hidden            | no  no  no  no  no  no  no  no
list hidden                | public hidden            | yes yes yes yes yes yes yes yes
list                       | public deleted           | no  no  no  no  no  no  no  no
download                   | private active           | 200 403 404 404 404 404 200 200
download                   | shared active            | 200 403 404 200 200 200 200 200
download                   | public active            | 200 403 200 200 200 200 200 200
download                   | community active         | 200 403 200 200 200 200 200 200
download                   | private active cached    | 200 403 404 404 404 404 200 200
download                   | public active cached     | 200 403 200 200 200 200 200 200
download                   | shared deactivated cached| 403 403 404 403 403 403 200 403
download                   | shared deactivated       | 403 403 404 403 403 403 200 403
download                   | public deactivated       | 403 403 403 403 403 403 200 403
download                   | shared                   | 204 403 404 204 204 204 204 204
upload                     | private                  | 204 403 404 404 404 404 204 204
upload                     | shared                   | 204 403 404 403 403 403 204 204
upload                     | shared active            | 409 403 404 403 403 403 409 409
upload                     | public active            | 409 403 403 403 403 403 409 409
upload                     | shared formless          | 400 403 404 403 403 403 400 400
stage                      | shared                   | 204 403 404 403 403 403 204 204
stage                      | public                   | 204 403 403 403 403 403 204 204
import                     | shared staged            | 202 403 404 403 403 403 202 202
import                     | public staged            | 202 403 403 403 403 403 202 202
import                     | shared                   | 409 403 404 403 403 403 409 409
list its tasks             | shared                   | 200 200 404 200 200 200 200 200
create                     | -                        | 201 403 201 201 201 201 201 201
create for another project | -                        | 403 403 403 403 403 403 201 403
create public              | -                        | 403 403 403 403 403 403 201 403
create community           | -                        | 201 403 201 201 201 201 201 201
set a property             | private                  | 200 403 404 404 404 404 200 200
set a property             | shared                   | 200 403 404 403 403 403 200 200
set a property             | public                   | 200 403 403 403 403 403 200 200
give away                  | shared                   | 403 403 404 403 403 403 200 403
give away                  | public                   | 403 403 403 403 403 403 200 403
publish                    | shared                   | 403 403 404 403 403 403 200 403
publish                    | community                | 403 403 403 403 403 403 200 403
set locations              | shared                   | 403 403 404 403 403 403 403 403
set locations              | public                   | 403 403 403 403 403 403 403 403
fetch locations            | shared                   | 403 403 404 403 403 403 403 200
fetch locations            | shared active            | 403 403 404 403 403 403 403 200
fetch locations            | public active            | 403 403 403 403 403 403 403 200
add a location             | private                  | 202 403 404 404 404 404 202 202
add a location             | shared                   | 202 403 404 403 403 403 202 202
add a location             | public                   | 202 403 403 403 403 403 202 202
add a location             | shared active            | 409 403 404 403 403 403 409 409
add a location             | shared formless          | 400 403 404 403 403 403 400 400
leave its only store       | shared active            | 403 403 404 403 403 403 403 403
leave its only store       | public active            | 403 403 403 403 403 403 403 403
delete                     | private                  | 204 403 404 404 404 404 204 204
delete                     | shared                   | 204 403 404 403 403 403 204 204
delete                     | public                   | 204 403 403 403 403 403 204 204
delete                     | shared protected         | 403 403 404 403 403 403 403 403
delete                     | public protected         | 403 403 403 403 403 403 403 403
deactivate                 | shared active            | 204 403 404 403 403 403 204 204
deactivate                 | public active            | 204 403 403 403 403 403 204 204
deactivate                 | shared                   | 403 403 404 403 403 403 403 403
reactivate                 | shared deactivated       | 204 403 404 403 403 403 204 204
tag                        | private                  | 204 403 404 404 404 404 204 204
tag                        | public                   | 204 403 403 403 403 403 204 204
untag                      | shared                   | 204 403 404 403 403 403 204 204
add a member               | shared                   | 200 403 404 403 403 403 200 200
add a member               | private                  | 403 403 404 404 404 404 403 403
add a member               | public                   | 403 403 403 403 403 403 403 403
add a member               | community                | 403 403 403 403 403 403 403 403
add a member again         | shared                   | 409 403 404 403 403 403 409 409
add a member               | shared full              | 413 403 404 403 403 403 413 413
list members               | shared                   | all all 404 one one one all all
show another member        | shared                   | 200 200 404 404 404 404 200 200
answer for oneself         | shared                   | 403 403 404 200 200 200 200 403
answer for another         | shared                   | 403 403 404 404 404 404 200 403
answer maybe               | shared                   | 403 403 404 400 400 400 400 403
remove a member            | shared                   | 204 403 404 403 403 403 204 204
list tasks                 | -                        | 403 403 403 403 403 403 200 403
ask for a task             | -                        | 403 403 403 403 403 403 201 403
show the cache             | public active cached     | 403 403 403 403 403 403 200 403
show who caches it         | public active cached     | 403 403 403 403 403 403 200 403
put into the cache         | private active           | 403 403 404 404 404 404 202 403
put into the cache         | public active            | 403 403 403 403 403 403 202 403
take out of the cache      | public active cached     | 403 403 403 403 403 403 204 403
clear the cache            | public active cached     | 403 403 403 403 403 403 204 403
prune the cache            | public active cached     | 403 403 403 403 403 403 200 403
clean the cache            | public active cached     | 403 403 403 403 403 403 200 403
"""


@dataclass(frozen=True)
class Row:
    call: str
    image: str
    expected: dict[str, str]

    def __str__(self) -> str:
        return f"{self.call}: {self.image}"


def rows() -> list[Row]:
    made = []
    for line in TABLE.strip().splitlines()[1:]:
        call, image, cells = (part.strip() for part in line.split("|"))
        made.append(Row(call, image, dict(zip(ROLES, cells.split(), strict=True))))
    return made


@dataclass
class Stage:
    """The cloud, and one client for each role."""

    cloud: TestCloud
    roles: dict[str, JsonClient]

    @property
    def members(self) -> dict[str, str]:
        return {role: self.roles[role].project_id for role in ("mP", "mA", "mR")}


@pytest.fixture(scope="module")
async def stage(a_shared_cloud: ASharedCloud) -> Stage:
    stores = {"enabled_backends": "own:file,web:http", "default_backend": "own"}
    cloud = await a_shared_cloud(settings={"image": {"image_cache": True, **stores}})
    return Stage(cloud, await _roles(cloud))


async def _roles(cloud: TestCloud) -> dict[str, JsonClient]:
    admin, own = await cloud.http("admin"), await cloud.http("demo")
    user = (await admin.get("identity", "/v3/users?name=alt")).ok().json["users"][0]["id"]
    role = (await admin.get("identity", "/v3/roles?name=member")).ok().json["roles"][0]["id"]
    roles = {"own": own, "rd": await cloud.http("reader"), "oth": await cloud.http("alt"), "adm": admin}
    for name in ("mP", "mA", "mR"):
        made = (await admin.post("identity", "/v3/projects", json={"project": {"name": name}})).ok(201)
        project = made.json["project"]["id"]
        (await admin.put("identity", f"/v3/projects/{project}/users/{user}/roles/{role}")).ok(204)
        roles[name] = await cloud.http("alt", name)
    roles["svc"] = AsService(own, (await cloud.http("nova", "service")).token)
    return roles


async def an_image(stage: Stage, wish: str, name: str) -> str:
    """What ``wish`` says in words: a visibility, then what else it is. Shared with three projects where it can be."""
    own, admin = stage.roles["own"], stage.roles["adm"]
    visibility, *rest = wish.split()
    body = {"name": name, "tags": [CANARY], "secret": CANARY, "visibility": "shared"}
    if "formless" not in rest:
        body.update(disk_format="raw", container_format="bare")
    image_id = str((await own.post("image", "/v2/images", json=body)).ok(201).json["id"])
    path = f"/v2/images/{image_id}"
    for role, project in stage.members.items():
        (await own.post("image", f"{path}/members", json={"member": project})).ok(200)
        answer = {"mA": "accepted", "mR": "rejected"}.get(role)
        if answer:
            (await stage.roles[role].put("image", f"{path}/members/{project}", json={"status": answer})).ok(200)
    if "full" in rest:
        await stage.cloud.rows(
            "image",
            "INSERT INTO image_members (image_id, member, created_at, updated_at)"
            " SELECT $1, 'project-' || n, now(), now() FROM generate_series(4, 128) n",
            image_id,
        )
    if "staged" in rest:
        (await own.put("image", f"{path}/stage", data=b"data", headers=OCTETS)).ok(204)
    if "active" in rest or "deactivated" in rest:
        (await own.put("image", f"{path}/file", data=CANARY.encode(), headers=OCTETS)).ok(204)
    if "cached" in rest:
        (await own.get("image", f"{path}/file")).ok(200)
        await stage.cloud.settle()
    if "deactivated" in rest:
        (await own.post("image", f"{path}/actions/deactivate")).ok(204)
    changes = {"protected": "protected" in rest, "os_hidden": "hidden" in rest, "visibility": visibility}
    patch = [{"op": "replace", "path": f"/{key}", "value": value} for key, value in changes.items()]
    (await admin.patch("image", path, json=patch, headers=PATCH)).ok(200)
    if "deleted" in rest:
        (await own.delete("image", path)).ok(204)
    return image_id


@dataclass(frozen=True)
class Asked:
    """One call: its way, and what goes with it. ``{image}``, ``{member}``, ``{another}`` member are filled in."""

    method: str
    path: str
    json: Any = None
    data: bytes | None = None
    headers: Any = None

    async def by(self, client: JsonClient, image: str, member: str, another: str = "") -> Answer:
        path = self.path.replace("{image}", image).replace("{member}", member).replace("{another}", another)
        return await client.request(self.method, "image", path, json=self.json, data=self.data, headers=self.headers)


def patching(name: str, value: Any) -> Asked:
    return Asked("PATCH", "/v2/images/{image}", [{"op": "add", "path": f"/{name}", "value": value}], headers=PATCH)


def creating(**wish: Any) -> Asked:
    return Asked("POST", "/v2/images", {"name": "created", **wish})


MEMBERS = "/v2/images/{image}/members"
TASK = {"type": "api_image_import", "input": {"image_id": str(uuid4())}}
CALLS: dict[str, Asked] = {
    "show": Asked("GET", "/v2/images/{image}"),
    "download": Asked("GET", "/v2/images/{image}/file"),
    "upload": Asked("PUT", "/v2/images/{image}/file", data=b"data", headers=OCTETS),
    "stage": Asked("PUT", "/v2/images/{image}/stage", data=b"data", headers=OCTETS),
    "import": Asked("POST", "/v2/images/{image}/import", {"method": {"name": "glance-direct"}}),
    "list its tasks": Asked("GET", "/v2/images/{image}/tasks"),
    "create": creating(),
    "create for another project": creating(owner="another"),
    "create public": creating(visibility="public"),
    "create community": creating(visibility="community"),
    "set a property": patching("a", "b"),
    "give away": patching("owner", "another"),
    "publish": patching("visibility", "public"),
    "set locations": patching("locations/-", {"url": "file:///etc/passwd", "metadata": {}}),
    "fetch locations": Asked("GET", "/v2/images/{image}/locations"),
    "add a location": Asked("POST", "/v2/images/{image}/locations", {"url": "http://127.0.0.1:9/" + CANARY}),
    "leave its only store": Asked("DELETE", "/v2/stores/own/{image}"),
    "delete": Asked("DELETE", "/v2/images/{image}"),
    "deactivate": Asked("POST", "/v2/images/{image}/actions/deactivate"),
    "reactivate": Asked("POST", "/v2/images/{image}/actions/reactivate"),
    "tag": Asked("PUT", "/v2/images/{image}/tags/new"),
    "untag": Asked("DELETE", "/v2/images/{image}/tags/" + CANARY),
    "add a member": Asked("POST", MEMBERS, {"member": "fourth"}),
    "add a member again": Asked("POST", MEMBERS, {"member": "{again}"}),
    "list members": Asked("GET", MEMBERS),
    "show another member": Asked("GET", MEMBERS + "/{another}"),
    "answer for oneself": Asked("PUT", MEMBERS + "/{member}", {"status": "accepted"}),
    "answer for another": Asked("PUT", MEMBERS + "/{another}", {"status": "accepted"}),
    "answer maybe": Asked("PUT", MEMBERS + "/{member}", {"status": "maybe"}),
    "remove a member": Asked("DELETE", MEMBERS + "/{member}"),
    "list tasks": Asked("GET", "/v2/tasks"),
    "show the cache": Asked("GET", "/v2/cache"),
    "show who caches it": Asked("GET", "/v2/cache/nodes/{image}"),
    "put into the cache": Asked("PUT", "/v2/cache/{image}"),
    "take out of the cache": Asked("DELETE", "/v2/cache/{image}"),
    "clear the cache": Asked("DELETE", "/v2/cache"),
    "prune the cache": Asked("POST", "/v2/cache/prune"),
    "clean the cache": Asked("POST", "/v2/cache/clean"),
    "ask for a task": Asked("POST", "/v2/tasks", TASK),
}


async def ask(stage: Stage, row: Row, role: str, image: str, client: JsonClient | None = None) -> Answer:
    """The row's call by the role. A member speaks for itself; who is none, about the first member."""
    member = stage.members.get(role, stage.members["mP"])
    another = next(project for project in stage.members.values() if project != member)
    asked = CALLS[row.call]
    if asked.json == {"member": "{again}"}:
        asked = Asked(asked.method, asked.path, {"member": stage.members["mA"]})
    return await asked.by(client or stage.roles[role], image, member, another)


async def facts(stage: Stage, image: str) -> list[Any]:
    """All an administrator can see of an image; its data too, once it has some."""
    admin, path = stage.roles["adm"], f"/v2/images/{image}"
    answers = [await admin.get("image", f"{path}{end}") for end in ("", "/members", "/tasks")]
    answers.append(await admin.get("image", f"/v2/cache/nodes/{image}"))
    return [(answer.status, answer.json) for answer in answers]


def said(row: Row, answer: Answer, stage: Stage) -> str:
    """A cell: the status; for lists of members how many of them there are."""
    if row.call == "list members" and answer.status == 200:
        return {1: "one", len(stage.members): "all"}.get(len(answer.json["members"]), "some")
    return str(answer.status)


@pytest.mark.parametrize("row", [row for row in rows() if row.call in CALLS], ids=str)
async def test_who_may_do_what(stage: Stage, row: Row) -> None:
    found: dict[str, str] = {}
    image = "" if row.image == "-" else await an_image(stage, row.image, CANARY)
    before = await facts(stage, image)
    for role in sorted(ROLES, key=lambda role: row.expected[role][0] in "2ao"):  # who is refused comes first
        answer = await ask(stage, row, role, image)
        found[role] = said(row, answer, stage)
        if answer.status == 404:
            await check_not_told(stage, row, role, image, answer)
        if answer.status >= 400:
            assert CANARY not in answer.body.decode(), (role, answer.body)
            assert await facts(stage, image) == before, role
        elif CALLS[row.call].method != "GET" and row.image != "-":
            image = await an_image(stage, row.image, CANARY)
            before = await facts(stage, image)
    await stage.cloud.settle()
    assert found == row.expected


async def check_not_told(stage: Stage, row: Row, role: str, image: str, answer: Answer) -> None:
    """The same call about an image (or, where the image is seen, a member) that never was is answered the same."""
    nowhere = str(uuid4())
    seen = (await stage.roles[role].get("image", f"/v2/images/{image}")).status == 200
    if seen:
        asked = CALLS[row.call]
        never = Asked(asked.method, MEMBERS + "/" + nowhere, asked.json)
        other = await never.by(stage.roles[role], image, nowhere)
        named = next(project for project in stage.members.values() if project.encode() in answer.body)
        expected = other.body.replace(nowhere.encode(), named.encode())
    else:
        other = await ask(stage, row, role, nowhere)
        expected = other.body.replace(nowhere.encode(), image.encode())
    assert (answer.status, answer.body) == (other.status, expected)
    assert set(answer.headers) == set(other.headers)


@pytest.mark.parametrize("row", [row for row in rows() if row.call not in CALLS], ids=str)
async def test_what_is_in_whose_list(stage: Stage, row: Row) -> None:
    image = await an_image(stage, row.image, name := f"listed-{uuid4()}")
    hidden = "&os_hidden=true" if row.call == "list hidden" else ""
    found = {}
    for role in ROLES:
        listed = (await stage.roles[role].get("image", f"/v2/images?name={name}{hidden}")).ok(200).json["images"]
        assert [entry["id"] for entry in listed] in ([image], []), listed
        found[role] = "yes" if listed else "no"
    assert found == row.expected


async def test_a_reader_elsewhere_learns_of_nothing_it_may_not_read(stage: Stage) -> None:
    admin, project = stage.roles["adm"], stage.members["mR"]
    user = (await admin.get("identity", "/v3/users?name=reader")).ok().json["users"][0]["id"]
    role = (await admin.get("identity", "/v3/roles?name=reader")).ok().json["roles"][0]["id"]
    other = (await admin.post("identity", "/v3/projects", json={"project": {"name": "elsewhere"}})).ok(201)
    where = f"/v3/projects/{other.json['project']['id']}/users/{user}/roles/{role}"
    (await admin.put("identity", where)).ok(204)
    reader = await stage.cloud.http("reader", "elsewhere")
    image = await an_image(stage, "shared active", CANARY)
    before = await facts(stage, image)
    for call, asked in CALLS.items():
        if asked.path.startswith("/v2/images/{image}"):
            answer = await asked.by(reader, image, project, project)
            never = await asked.by(reader, nowhere := str(uuid4()), project, project)
            assert (answer.status, never.status) == (404, 404), call
            assert answer.body == never.body.replace(nowhere.encode(), image.encode()), call
    assert await facts(stage, image) == before


NOBODY: dict[str, Callable[[str], str | None]] = {
    "no token": lambda _: None,
    "an empty one": lambda _: "",
    "one that was changed": lambda token: token[:-6] + "AAAAAA",
    "none of ours": lambda _: "x" * 64,
}


@pytest.mark.parametrize("token", NOBODY)
async def test_nobody_gets_nothing(stage: Stage, token: str) -> None:
    own = stage.roles["own"]
    image = await an_image(stage, "public active", CANARY)
    before = await facts(stage, image)
    nobody = JsonClient(own._session, own.urls, NOBODY[token](own.token) or "", own.project_id)
    for row in rows():
        if row.call in CALLS:
            answer = await ask(stage, row, "own", image, nobody)
            assert (answer.status, CANARY.encode() in answer.body) == (401, False), row.call
    for path in ("/", "/versions", "/healthcheck"):
        assert (await nobody.get("image", path)).status in (200, 300)
    assert await facts(stage, image) == before
