"""Each kind of fault in an embedded cloud, set through the admin port; on RabbitMQ: ``stack/test_fault_stories.py``."""

import asyncio
import json
import re
import shlex
import urllib.error
import urllib.request
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from stackwire.cloud.admin.embedded import admin_port
from stackwire.cloud.admin_client import AdminClient, AdminError
from stackwire.cloud.faults import app
from stackwire.cloud.options import free_ports
from stackwire.core.fault_rules import KINDS
from stackwire.core.faults import NO_FAULTS
from support.builders.volumes import request_volume, volume_action
from support.cloud import Answer, ASharedCloud, TestCloud
from support.fault_stories import CloudWithFaults, Story, state, told_of
from support.polling import until
from support.source_code import ROOT


@pytest.fixture(scope="module")
async def embedded(a_shared_cloud: ASharedCloud, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestCloud]:
    cloud = await a_shared_cloud(trace=True, faults=True)
    folder: Path = tmp_path_factory.mktemp("admin")
    options = replace(cloud.cloud.options, admin_port=free_ports(["admin"])["admin"], data_dir=folder)
    async with admin_port(cloud.cloud, options, folder, cloud.database.admin_url):
        admins[id(cloud)] = AdminClient(str(options.admin_url), folder / "admin.token")
        urls[id(cloud)] = options.admin_url
        yield cloud
        admins[id(cloud)].close()


PAGE = (ROOT / "services/stackwire/cloud/admin/README.md").read_text(encoding="utf-8")
admins: dict[int, AdminClient] = {}
urls: dict[int, str | None] = {}


@pytest.fixture
async def faulty(embedded: TestCloud) -> AsyncIterator[CloudWithFaults]:
    cloud = CloudWithFaults(await embedded.http(), admins[id(embedded)])
    yield cloud
    await cloud.tidy()


@pytest.mark.parametrize(("kind", "story"), told_of(KINDS))
async def test_a_fault_does_what_its_kind_says(faulty: CloudWithFaults, kind: str, story: Story) -> None:
    await story(faulty)
    assert faulty.kinds == {kind}


def told(url: str, request_id: str) -> list[str]:
    """The names of a story's messages, as the tracer has them."""
    with urllib.request.urlopen(f"{url}/stories/{request_id}") as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return [arrow["name"] for story in found["stories"] for arrow in story["arrows"]]


def token_of(cloud: TestCloud) -> str:
    return (folder_of(cloud) / "admin.token").read_text().strip()


def folder_of(cloud: TestCloud) -> Path:
    token = admins[id(cloud)]._token
    assert isinstance(token, Path)
    return token.parent


async def in_the_story(cloud: TestCloud, answer: Answer, text: str) -> None:
    request_id = answer.headers["X-Openstack-Request-Id"]

    async def is_told() -> bool:
        try:
            return text in await asyncio.to_thread(told, cloud.urls["trace"], request_id)
        except urllib.error.HTTPError:  # not yet
            return False

    await until(is_told)


async def test_a_reader_of_the_story_sees_that_a_fault_was_injected(
    faulty: CloudWithFaults, embedded: TestCloud
) -> None:
    await faulty.set("http.status", service="image", path="/v2/images", status=500, count=1)
    refused = await faulty.client.get("image", "/v2/images")
    await in_the_story(embedded, refused, "fault injected: http.status status=500 GET /v2/images")
    await faulty.set("bus.duplicate", method="create_volume", count=1)
    await faulty.set("worker.freeze", point="after_commit:volume.create.start", seconds=0.01, count=1)
    accepted = (await request_volume(faulty.client)).ok(202)
    await in_the_story(embedded, accepted, "fault injected: bus.duplicate create_volume")
    await in_the_story(
        embedded, accepted, "fault injected: worker.freeze seconds=0.01 point=after_commit:volume.create.start"
    )
    await faulty.becomes(accepted.json["volume"]["id"], "available")


async def test_an_error_has_the_form_of_its_api(faulty: CloudWithFaults) -> None:
    await faulty.set("http.status", service="volume", status=409, message="It is in use.", count=1)
    refused = await faulty.client.get("volume", "/v3/{project_id}/volumes")
    assert (refused.status, refused.json) == (409, {"conflictingRequest": {"code": 409, "message": "It is in use."}})


async def test_what_needs_no_login_has_faults_too(faulty: CloudWithFaults) -> None:
    await faulty.set("http.status", service="image", path="/", status=503, count=1)
    assert (await faulty.client.get("image", "/")).status == 503
    (await faulty.client.get("image", "/")).ok(300)


async def test_an_action_is_matched_by_its_name(faulty: CloudWithFaults) -> None:
    volume = await faulty.volume()
    await faulty.becomes(volume, "available")
    await faulty.set("http.status", service="volume", operation="os-extend", status=503)
    assert (await volume_action(faulty.client, volume, "os-extend", {"new_size": 2})).status == 503
    (await volume_action(faulty.client, volume, "os-set_bootable", {"bootable": True})).ok(200)


async def test_a_rule_expires(faulty: CloudWithFaults) -> None:
    fault = await faulty.set("http.status", service="image", status=503, expires_in=0.05)

    async def is_over() -> bool:
        return await state(fault) == "expired"

    await until(is_over)
    (await faulty.client.get("image", "/v2/images")).ok(200)


BAD_RULES: list[tuple[Any, str]] = [
    ([], "is not of type 'object'"),
    ({}, "'kind' is a required property"),
    ({"kind": "bus.eat"}, "'bus.eat' is not one of"),
    ({"kind": "http.status"}, "http.status needs status"),
    ({"kind": "http.status", "status": 200}, "200 is less than the minimum of 400"),
    ({"kind": "bus.drop", "status": 503}, "bus.drop has no status"),
    ({"kind": "bus.drop", "match": {"path": "/"}}, "bus.drop does not match path: it matches event_type, exchange,"),
    ({"kind": "bus.drop", "match": {"metod": "x"}}, "('metod' was unexpected)"),
    ({"kind": "bus.drop", "match": {"service": "nova"}}, "'nova' is not one of ['identity', 'image',"),
    ({"kind": "bus.drop", "count": 0}, "0 is less than the minimum of 1"),
    ({"kind": "bus.drop", "expires_in": 0}, "0"),
    ({"kind": "bus.away", "count": 1}, "bus.away has no count: it lasts until"),
    ({"kind": "worker.crash", "point": "somewhere"}, "point is one of before_commit, after_commit,"),
    ({"kind": "worker.freeze", "point": "after_commit:x", "match": {"method": "x"}}, "point names the method"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), BAD_RULES, ids=[message for _, message in BAD_RULES])
async def test_a_rule_that_cannot_be_is_refused_and_changes_nothing(
    embedded: TestCloud, rule: Any, message: str
) -> None:
    admin = admins[id(embedded)]
    with pytest.raises(AdminError) as refused:
        await asyncio.to_thread(admin.request, "POST", "/faults", rule)
    assert refused.value.status == 400
    assert message in str(refused.value)
    found = await asyncio.to_thread(admin.request, "GET", "/faults")
    assert (found["faults"], "volume" in found["obeyed_by"]) == ([], True)


class TestTheDoor:
    async def asked(self, cloud: TestCloud, path: str = "/faults", method: str = "GET", **headers: str) -> Answer:
        async with aiohttp.ClientSession() as session:
            url = f"{urls[id(cloud)]}{path}"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.request(method, url, headers=named) as answer:
                return Answer(answer.status, dict(answer.headers), await answer.read())

    @pytest.mark.parametrize("value", ["", "Bearer", "Bearer x", "Basic {token}", "{token}", "Bearer {token}x"])
    async def test_nobody_enters_without_the_token(self, embedded: TestCloud, value: str) -> None:
        token = token_of(embedded)
        answer = await self.asked(embedded, Authorization=value.format(token=token))
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="stackwire admin"')
        assert token.encode() not in answer.body

    async def test_a_page_of_another_site_does_not_reach_it(self, embedded: TestCloud) -> None:
        token = token_of(embedded)
        answer = await self.asked(embedded, Host="evil.example:80", Authorization=f"Bearer {token}")
        assert answer.status == 400
        answer = await self.asked(embedded, Host="localhost:80", Authorization=f"Bearer {token}")
        assert answer.status == 200

    async def test_what_is_not_there_is_404_and_405(self, embedded: TestCloud) -> None:
        token = f"Bearer {token_of(embedded)}"
        found = [
            (await self.asked(embedded, path, method, Authorization=token)).status
            for method, path in (
                ("GET", "/nothing"),
                ("GET", "/faults/none"),
                ("DELETE", "/faults/none"),
                ("PUT", "/faults"),
            )
        ]
        assert found == [404, 404, 404, 405]

    async def test_it_says_whether_the_services_are_well(self, embedded: TestCloud) -> None:
        health = await asyncio.to_thread(admins[id(embedded)].request, "GET", "/health")
        assert health == {"status": "ok", "services": dict.fromkeys(embedded.cloud.options.services, "ok")}


async def test_the_token_is_its_owners_alone_and_leaves_with_the_port(embedded: TestCloud, tmp_path: Path) -> None:
    options = replace(embedded.cloud.options, admin_port=free_ports(["admin"])["admin"])
    async with admin_port(embedded.cloud, options, tmp_path, ""):
        assert (tmp_path / "admin.token").stat().st_mode & 0o777 == 0o600
        first = (tmp_path / "admin.token").read_text()
    assert not (tmp_path / "admin.token").exists()
    async with admin_port(embedded.cloud, options, tmp_path, ""):
        assert (tmp_path / "admin.token").read_text() != first


async def test_nothing_can_be_injected_into_a_cloud_without_an_admin_port(a_shared_cloud: ASharedCloud) -> None:
    cloud = await a_shared_cloud()
    for service in cloud.cloud.services.values():
        assert service.database.faults is NO_FAULTS
        assert service.transport.faults is NO_FAULTS
    async with admin_port(cloud.cloud, cloud.cloud.options, Path("/nonexistent"), ""):
        assert cloud.cloud.faults is None


class TestThePage:
    """``services/stackwire/cloud/admin/README.md``."""

    async def test_its_table_has_every_kind_with_what_it_matches(self) -> None:
        table = [line.split("|")[1:-1] for line in PAGE.splitlines() if re.match(r"\| `\w+\.\w+` ", line)]
        assert [row[0].strip(" `") for row in table] == list(KINDS)
        matched: set[str] = set()
        for kind, _, parameters, matches in table:
            rules = KINDS[kind.strip(" `")]
            assert {*re.findall(r"`([a-z_]+)`", parameters)} - {"count"} == rules.needs | rules.may, kind
            matched = {*re.findall(r"`([a-z_]+)`", matches)} or matched
            assert matched == rules.match, kind

    @pytest.mark.parametrize("command", re.findall(r"^\$ (curl .*?)(?:  +#.*)?$", PAGE, re.MULTILINE))
    async def test_its_requests_are_answered(self, embedded: TestCloud, faulty: CloudWithFaults, command: str) -> None:
        command = command.replace("http://127.0.0.1:8792", str(urls[id(embedded)])).replace(
            "-sS", "-sS --fail-with-body"
        )
        script = f'AUTH="Authorization: Bearer {token_of(embedded)}"; {command}'
        process = await asyncio.create_subprocess_exec("bash", "-c", script, stdout=PIPE, stderr=STDOUT)
        said, _ = await process.communicate()
        assert process.returncode == 0, said

    async def test_its_commands_work(self, embedded: TestCloud, faulty: CloudWithFaults) -> None:
        where = ["--admin-url", str(urls[id(embedded)]), "--data-dir", str(folder_of(embedded))]
        found: list[str] = []
        for command in re.findall(r"^\$ stackwire faults (\w+(?: (?!--admin).*)?)$", PAGE, re.MULTILINE):
            if "--admin-url" not in command:
                result = await asyncio.to_thread(CliRunner().invoke, app, [*shlex.split(command), *where])
                assert result.exit_code == 0, result.output
                found.append(result.output)
        kinds, added, listed, cleared = found
        assert all(kind in kinds for kind in KINDS)
        assert "bus.drop" in added
        assert listed == added
        assert cleared == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "bus.drop", "method"], "'method' is no KEY=VALUE"),
        (["add", "bus.drop", "--status", "503"], "bus.drop has no status"),
        (["remove", "none"], "There is no fault none."),
    ],
)
async def test_a_wrong_command_is_one_line(
    embedded: TestCloud, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    where = ["--admin-url", str(urls[id(embedded)]), "--data-dir", str(folder_of(embedded))]
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(app, [*words, *where], standalone_mode=False)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"stackwire: {message}\n"
