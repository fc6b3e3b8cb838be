"""A secret that sings: passwords, tokens and the like, taken through the whole cloud, are told to nobody they were not
given by. CVE-2017-7214, CVE-2017-2592, CVE-2014-1948, CVE-2015-9543 and their kind.

Looked into: every log at its finest, in each of its forms, every notification, every answer over HTTP (but the one
whose purpose it is), all that the tracer shows or exports, the metrics, the outboxes once all is sent, and standard
output. Once while all goes well, and once while everything fails.
"""

import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from stackwire.messaging.transport import Address, WireRecord
from stackwire.runtime.logs import JsonFormatter, TextFormatter
from support.builders.images import an_image
from support.builders.servers import SERVER_VERSION, TINY_FLAVOR, from_volume
from support.cloud import ACloud, Answer, JsonClient, TestCloud
from support.delegated_secrets import PLANTED, all_with_secrets, delegated

OTHERS = ("trace", "identity", "image", "volume", "compute")
FORMS = ("mermaid", "plantuml", "html", "har", "otlp", "jsonl")
PASSWORD, WRONG, ADMIN_PASS, REBUILD_PASS, USER_DATA, CHAP, IN_A_URL, NEW_PASSWORD, CHANGED_PASS, RESCUE_PASS = (
    f"canary-{word}-Kq7"
    for word in ("pw", "wrong", "admin", "rebuild", "data", "chap", "url", "new", "changed", "rescue")
)
ENCODED = base64.b64encode(USER_DATA.encode()).decode()


@dataclass
class Ear:
    """What was heard: on the bus, and over HTTP; and what must not be in it."""

    secrets: set[str] = field(default_factory=lambda: {
        PASSWORD, WRONG, ADMIN_PASS, REBUILD_PASS, USER_DATA, ENCODED, CHAP, IN_A_URL, NEW_PASSWORD,
        CHANGED_PASS, RESCUE_PASS, *PLANTED,
    })  # fmt: skip
    records: list[WireRecord] = field(default_factory=list)
    answers: list[tuple[str, bytes]] = field(default_factory=list)

    def found_in(self, text: str | bytes) -> list[str]:
        """The secrets that are there."""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        return [secret for secret in self.secrets if secret in text]

    @property
    def notifications(self) -> Iterator[WireRecord]:
        return (record for record in self.records if is_notification(record))


def is_notification(record: WireRecord) -> bool:
    return b"event_type" in record.body


class Listened(JsonClient):
    """A client all of whose answers are kept, but those to questions that ask for a secret of the caller's own."""

    ear: Ear

    async def request(self, method: str, service: str, path: str, *, own: bool = False, **kwargs: Any) -> Answer:
        answer = await super().request(method, service, path, **kwargs)
        if not own:
            headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
            self.ear.answers.append((f"{method} {service} {path}", headers.encode() + b"\n\n" + answer.body))
        return answer


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(trace=True, services=OTHERS)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def scoped(name: str, password: Any, project: str | None) -> dict[str, Any]:
    user = {"name": name, "domain": {"id": "default"}, "password": password}
    wish: dict[str, Any] = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    if project is not None:
        wish["auth"]["scope"] = {"project": {"id": project}}
    return wish


async def people(cloud: TestCloud, session: aiohttp.ClientSession, ear: Ear) -> Listened:
    """A user of a known password, made, logged in, refused, given another password; then the one who goes on."""
    admin = await cloud.http("admin")
    listened = Listened(session, cloud.urls, admin.token, admin.project_id)
    listened.ear = ear
    ear.secrets.add(admin.token)
    demo = await cloud.http("demo")
    ear.secrets.add(demo.token)
    wish = {"user": {"name": "singer", "password": PASSWORD, "default_project_id": demo.project_id}}
    user = (await listened.post("identity", "/v3/users", json=wish)).ok(201).json["user"]["id"]
    roles = (await listened.get("identity", "/v3/roles")).ok(200).json["roles"]
    member = next(role["id"] for role in roles if role["name"] == "member")
    (await listened.put("identity", f"/v3/projects/{demo.project_id}/users/{user}/roles/{member}")).ok(204)
    tokens = "/v3/auth/tokens"
    for password, status in ((WRONG, 401), ({"a": WRONG}, 400), ([WRONG], 400)):
        (await listened.post("identity", tokens, json=scoped("singer", password, None))).ok(status)
    changed = {"user": {"password": NEW_PASSWORD, "original_password": PASSWORD}}
    (await listened.post("identity", f"/v3/users/{user}/password", json=changed)).ok(204)
    made = (await listened.post("identity", tokens, json=scoped("singer", NEW_PASSWORD, demo.project_id), own=True)).ok(
        201
    )
    singer = Listened(session, cloud.urls, made.headers["X-Subject-Token"], demo.project_id)
    singer.ear = ear
    ear.secrets.add(singer.token)
    (await singer.get("identity", "/v3/auth/tokens", headers={"X-Subject-Token": singer.token}, own=True)).ok(200)
    (await singer.get("image", "/v2/images", headers={"X-Auth-Token": f"{singer.token}x"})).ok(401)
    ear.secrets |= await delegated(singer, listened, user, await the_admin(listened), "secret")
    return singer


async def the_admin(client: Listened) -> str:
    """The id of the one who is trusted."""
    return str((await client.get("identity", "/v3/users?name=admin")).ok(200).json["users"][0]["id"])


async def images(cloud: TestCloud, singer: Listened) -> str:
    image_id = await an_image(singer, team="storage")
    path = f"/v2/images/{image_id}"
    away = f"http://user:{IN_A_URL}@example.org/"
    queued = await singer.post(
        "image", "/v2/images", json={"name": "q", "disk_format": "raw", "container_format": "bare"}
    )
    import_ = {"method": {"name": "web-download", "uri": away}}
    (await singer.post("image", f"/v2/images/{queued.ok(201).json['id']}/import", json=import_)).ok(400)
    (await singer.get("image", f"{path}/file")).ok(200)
    return image_id


async def volumes(cloud: TestCloud, singer: Listened, image_id: str) -> str:
    """One that a server may have, and one connected by hand with a connector that has a secret."""
    made = []
    for _ in range(2):
        wish = {"volume": {"size": 1, "imageRef": image_id}}
        made.append((await singer.post("volume", "/v3/{project_id}/volumes", json=wish)).ok(202).json["volume"]["id"])
    await cloud.settle()
    newest = {"OpenStack-API-Version": "volume 3.70"}
    connector = {"host": "h", "initiator": "iqn.x", "auth_username": "u", "auth_password": CHAP, "ip": "10.0.0.1"}
    wish = {"attachment": {"volume_uuid": made[1], "connector": connector, "instance_uuid": str(uuid4())}}
    path = "/v3/{project_id}/attachments"
    attachment = (await singer.post("volume", path, json=wish, headers=newest)).ok(200).json["attachment"]["id"]
    update = {"attachment": {"connector": connector | {"mountpoint": "/dev/vdb"}}}
    (await singer.put("volume", f"{path}/{attachment}", json=update, headers=newest)).ok(200)
    (await singer.post("volume", f"{path}/{attachment}/action", json={"os-complete": {}}, headers=newest)).ok(204)
    for asked in (f"{path}/{attachment}", f"{path}/detail", f"/v3/{{project_id}}/volumes/{made[1]}"):
        (await singer.get("volume", asked, headers=newest)).ok(200)
    initialize = {"os-initialize_connection": {"connector": connector}}
    await singer.post("volume", f"/v3/{{project_id}}/volumes/{made[1]}/action", json=initialize, headers=newest)
    await transfer(singer, made[0])
    return str(made[0])


async def transfer(singer: Listened, volume_id: str) -> None:
    """Offered, asked for with a wrong key, and taken back."""
    path = "/v3/{project_id}/volume-transfers"
    made = (await singer.post("volume", path, json={"transfer": {"volume_id": volume_id}}, own=True)).ok(202)
    offered = made.json["transfer"]
    singer.ear.secrets.add(offered["auth_key"])
    (await singer.get("volume", f"{path}/{offered['id']}")).ok(200)
    await singer.post("volume", f"{path}/{offered['id']}/accept", json={"accept": {"auth_key": WRONG}})
    (await singer.delete("volume", f"{path}/{offered['id']}")).ok(202)


async def servers(cloud: TestCloud, singer: Listened, image_id: str, volume_id: str) -> None:
    key = {"keypair": {"name": "k"}}
    private = (await singer.post("compute", "/v2.1/os-keypairs", json=key, own=True)).ok(200, 201).json["keypair"]
    singer.ear.secrets |= set(private["private_key"].split("\n")[1:3])
    wish = {"name": "srv", "flavorRef": TINY_FLAVOR, "networks": "none", "adminPass": ADMIN_PASS, "user_data": ENCODED}
    vain: list[dict[str, Any]] = [
        {"adminPass": {"a": ADMIN_PASS}, "imageRef": image_id}, {"adminPass": [ADMIN_PASS]},
        {"user_data": f"no base64: {USER_DATA}", "imageRef": image_id}, {"user_data": {"a": USER_DATA}},
        {"imageRef": str(uuid4())}, {"flavorRef": "none", "imageRef": image_id},
        {"networks": None, "imageRef": image_id},
    ]  # fmt: skip
    for fields in vain:
        (await singer.post("compute", "/v2.1/servers", json={"server": wish | fields}, headers=SERVER_VERSION)).ok(400)
    made = []
    for fields in ({"imageRef": image_id, "key_name": "k"}, {"block_device_mapping_v2": from_volume(volume_id)}):
        body = {"server": wish | fields}
        answer = (await singer.post("compute", "/v2.1/servers", json=body, headers=SERVER_VERSION, own=True)).ok(202)
        made.append(answer.json["server"]["id"])
    foreign = await an_image(singer, hw_vif_model="netfront")  # its host cannot have that: the build fails
    body = {"server": wish | {"imageRef": foreign}}
    (await singer.post("compute", "/v2.1/servers", json=body, headers=SERVER_VERSION, own=True)).ok(202)
    await cloud.settle()
    for server_id in made:
        path = f"/v2.1/servers/{server_id}"
        rebuild = {"rebuild": {"imageRef": image_id, "adminPass": REBUILD_PASS, "user_data": ENCODED}}
        (await singer.post("compute", f"{path}/action", json=rebuild, headers=SERVER_VERSION, own=True)).ok(202)
        await cloud.settle()
        change = {"changePassword": {"adminPass": CHANGED_PASS}}
        (await singer.post("compute", f"{path}/action", json=change, headers=SERVER_VERSION)).ok(202)
        await cloud.settle()
        (
            await singer.post(
                "compute", f"{path}/action", json={"createImage": {"name": "snap"}}, headers=SERVER_VERSION
            )
        ).ok(202)
        await cloud.settle()
        rescue = {"rescue": {"adminPass": RESCUE_PASS}}
        await singer.post("compute", f"{path}/action", json=rescue, headers=SERVER_VERSION, own=True)
        await cloud.settle()
        for asked in (path, f"{path}/os-instance-actions", f"{path}/os-volume_attachments", "/v2.1/servers/detail"):
            (await singer.get("compute", asked, headers=SERVER_VERSION)).ok(200)
        (await singer.delete("compute", path, headers=SERVER_VERSION)).ok(204)
    await cloud.settle()


async def traced(cloud: TestCloud, session: aiohttp.ClientSession, ear: Ear) -> None:
    """All that the tracer tells."""

    async def look(path: str, **headers: str) -> Any:
        async with session.get(f"{cloud.urls['trace']}{path}", headers=headers) as answer:
            body = await answer.read()
            ear.answers.append((f"tracer {path}", body))
            return json.loads(body) if answer.content_type == "application/json" else None

    told = await look("/messages?limit=10000")
    assert len(told["messages"]) > 100
    await look("/", Accept="text/html")
    stories = (await look("/stories?limit=10000"))["stories"]
    resources = await look("/resources")
    assert resources
    for story in stories:
        await look(f"/stories/{story['id']}")
        for form in FORMS:
            await look(f"/stories/{story['id']}/export?form={form}")
    kinds = {record["id"] for record in resources["resources"]}
    for ident in sorted(kinds)[:50]:
        await look(f"/lineage/{ident}")


async def kept(cloud: TestCloud, session: aiohttp.ClientSession, ear: Ear) -> None:
    """What stays of it: the metrics, and the outboxes once all is sent."""
    for service in OTHERS:
        async with session.get(f"{cloud.urls[service]}/metrics") as answer:
            body = await answer.read()
            assert b"stackwire_http_requests_total" in body
            ear.answers.append((f"metrics of {service}", body))
    for service in ("identity", "image", "volume", "compute"):
        rows = await cloud.rows(service, "SELECT kind, outbox::text AS text FROM outbox WHERE sent_at IS NOT NULL")
        ear.answers += [(f"outbox of {service}: {row['kind']}", row["text"].encode()) for row in rows]
    assert any(place.endswith("cast") for place, _ in ear.answers)


def silent(ear: Ear, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    formatters = logging.Formatter("%(name)s %(message)s"), TextFormatter(), JsonFormatter()
    for record in caplog.records:
        for formatter in formatters:
            text = formatter.format(record)
            assert not ear.found_in(text), text
    for notification in ear.notifications:
        assert not ear.found_in(notification.body), notification
    for asked, answer in ear.answers:
        assert not ear.found_in(answer), (asked, ear.found_in(answer), answer[:3000])
    out, err = capfd.readouterr()
    assert not ear.found_in(out + err)


async def test_no_secret_is_revealed_while_all_goes_well(
    cloud: TestCloud,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    ear = Ear()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.records.append)
    singer = await people(cloud, session, ear)
    image_id = await images(cloud, singer)
    volume_id = await volumes(cloud, singer, image_id)
    await servers(cloud, singer, image_id, volume_id)
    await traced(cloud, session, ear)
    await kept(cloud, session, ear)
    await watch.cancel()
    assert sum(1 for _ in ear.notifications) > 100
    assert any(ear.found_in(record.body) for record in ear.records), "secrets do cross the bus, in orders"
    silent(ear, caplog, capfd)


def orders(ear: Ear) -> list[WireRecord]:
    """One request of each kind that crossed the bus."""
    found: dict[tuple[str, str], WireRecord] = {}
    for record in ear.records:
        if record.kind == "publish" and not is_notification(record):
            inner = json.loads(json.loads(record.body)["oslo.message"])
            if "method" in inner:
                found.setdefault((record.routing_key, inner["method"]), record)
    return list(found.values())


async def rename(cloud: TestCloud, there: str, gone: str) -> None:
    """Every table of the services' own, but the outboxes, which the cloud needs to come to rest."""
    sql = (
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'outbox'"
        " AND (tablename LIKE 'gone_%') = $1"
    )
    for service in ("image", "volume", "compute"):
        for row in await cloud.rows(service, sql, there == "gone_"):
            name = row["tablename"].removeprefix("gone_")
            await cloud.rows(service, f"ALTER TABLE {there}{name} RENAME TO {gone}{name}")


async def test_no_secret_is_revealed_while_everything_fails(
    a_cloud: ACloud, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every order that a journey sends, sent again when the tables are gone: each handler meets what nobody foresaw.

    And with what else may be switched on: hosts ask for images over HTTP, requests' ways are shown, images are cached.
    """
    more = {"compute": {"image_api": "v2"}, "image": {"image_cache": True, "debug": True}}
    cloud = await a_cloud(trace=True, services=OTHERS, settings=more)
    ear = Ear()
    assert cloud.cloud.broker is not None
    watch = cloud.cloud.broker.watch(ear.records.append)
    singer = await people(cloud, session, ear)
    image_id = await images(cloud, singer)
    await servers(cloud, singer, image_id, await volumes(cloud, singer, image_id))
    sent = orders(ear)
    assert len(sent) > 20
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    await rename(cloud, "", "gone_")
    try:
        for record in sent:
            envelope = json.loads(record.body)
            inner = json.loads(envelope["oslo.message"]) | {"_unique_id": uuid4().hex}
            envelope["oslo.message"] = json.dumps(inner)
            address = Address(record.exchange, record.routing_key)
            cloud.cloud.broker.publish(address, json.dumps(envelope).encode(), record.properties, mandatory=False)
        await cloud.settle()
        body = {"server": {"name": "s", "flavorRef": TINY_FLAVOR, "imageRef": image_id, "networks": "none",
                           "adminPass": ADMIN_PASS, "user_data": ENCODED}}  # fmt: skip
        (await singer.post("compute", "/v2.1/servers", json=body, headers=SERVER_VERSION)).ok(500)
        (await singer.post("compute", "/v2.1/os-keypairs", json={"keypair": {"name": "k2"}})).ok(500)
        (await singer.post("volume", "/v3/{project_id}/volumes", json={"volume": {"size": 1}})).ok(500)
        (await singer.get("image", f"/v2/images/{image_id}")).ok(500)
        await cloud.settle()
    finally:
        await rename(cloud, "gone_", "")
    failures = [record for record in caplog.records if record.exc_info]
    assert len(failures) > 10
    await traced(cloud, session, ear)
    await kept(cloud, session, ear)
    await watch.cancel()
    silent(ear, caplog, capfd)


async def test_no_secret_is_revealed_while_identity_fails(
    a_cloud: ACloud, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every request that brings a secret, when there is no table to look it up in or to keep it in."""
    cloud = await a_cloud(trace=True, services=("trace", "identity"))
    admin, ear = await cloud.http("admin"), Ear()
    listened = Listened(session, cloud.urls, admin.token, admin.project_id)
    listened.ear = ear
    user = await the_admin(listened)
    caplog.set_level(logging.DEBUG)
    statuses = set()
    for table in ("users", "application_credentials", "credentials"):
        await cloud.rows("identity", f"ALTER TABLE {table} RENAME TO gone_{table}")
        for method, path, body in all_with_secrets(user, admin.project_id):
            statuses.add((await listened.request(method, "identity", path, json=body)).status)
    for table in ("users", "application_credentials", "credentials"):
        await cloud.rows("identity", f"ALTER TABLE gone_{table} RENAME TO {table}")
    assert 500 in statuses
    assert any("does not exist" in record.getMessage() or record.exc_info for record in caplog.records)
    silent(ear, caplog, capfd)
