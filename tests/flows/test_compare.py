"""``stackwire compare``: two clouds asked the same, and what is printed of them."""

import asyncio
import json
import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from stackwire.compare.comparison import Case, Cloud, both, journeys
from stackwire.compare.flows import FLOWS
from stackwire.compare.session import Credentials
from support.cloud import ASharedCloud, TestCloud

ENTRY = {
    "username": "demo",
    "password": "secret",
    "project_name": "demo",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}
KEYPAIRS = "keypairs.create"
PROPERTIES = "images.patch-add-name"
"""The image that it patches has properties."""


def clouds_yaml(folder: Path, **auths: dict[str, str]) -> Path:
    """A clouds.yaml of these clouds; JSON is YAML."""
    file = folder / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {name.replace("_", "-"): {"auth": auth} for name, auth in auths.items()}}))
    return file


async def compare(clouds: Path, *words: str) -> tuple[int, str, str]:
    """The exit code, the output and the errors of the command."""
    code = "import sys; sys.path[:0] = " + repr(sys.path) + "; from stackwire.cloud.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "compare", *words),
        env={**os.environ, "OS_CLIENT_CONFIG_FILE": str(clouds)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 280)
    return process.returncode or 0, out.decode(), err.decode()


async def journey(one: TestCloud, other: TestCloud) -> dict[str, list[str]]:
    """By flow, what differs: ``kind where: one, other``. Without the upload of a volume, which is a GiB."""
    found: dict[str, list[str]] = {}

    def on_case(case: Case) -> None:
        found[case.name] = [f"{each.kind} {each.where}: {each.a}, {each.b}" for each in case.differences]

    users = [Credentials(cloud.auth_url, "demo", "secret", "demo") for cloud in (one, other)]
    async with both(Cloud(users[0]), Cloud(users[1])) as sides:
        await journeys(*sides, on_case, {name: flow for name, flow in FLOWS.items() if name != "volume-upload"})
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_cloud_differs_from_itself_in_nothing(a_shared_cloud: ASharedCloud, tmp_path: Path) -> None:
    auth = {**ENTRY, "auth_url": (await a_shared_cloud()).auth_url}
    words = ("--cloud", "one", "--cloud", "other", "--table", "servers.reboot", "--journey")
    code, out, err = await compare(clouds_yaml(tmp_path, one=auth, other=auth), *words)
    assert (code, err) == (0, ""), out
    assert out == "13 asked of one and other, 0 differ\n"


async def test_the_journey_finds_no_difference_between_two_clouds_of_one_release(a_shared_cloud: ASharedCloud) -> None:
    found = await journey(await a_shared_cloud(), await a_shared_cloud(settings={"compute": {"lease_seconds": 14.0}}))
    assert not [each for differences in found.values() for each in differences]
    assert len(found) == len(FLOWS)


async def test_what_an_old_release_does_otherwise_is_named_by_flow(a_shared_cloud: ASharedCloud) -> None:
    found = await journey(await a_shared_cloud(release="icehouse"), await a_shared_cloud())
    assert "value POST /v2/images visibility: private, shared" in found["image"]
    assert "key GET /v2/images/<snapshot-after-rebuild> base_image_ref: (absent), <other>" in found["server-rebuild"]
    assert not found["server-snapshot"]


@pytest.mark.parametrize("form", ["text", "json", "junit"])
async def test_two_clouds_that_answer_otherwise_are_told_apart_in_each_form(
    a_shared_cloud: ASharedCloud, tmp_path: Path, form: str
) -> None:
    one, other = await a_shared_cloud(), await a_shared_cloud(settings={"image": {"image_property_quota": 0}})
    auths = {name: {**ENTRY, "auth_url": cloud.auth_url} for name, cloud in (("one", one), ("other", other))}
    result = tmp_path / "result"
    words = ("--cloud", "one", "--cloud", "other", "--table", PROPERTIES, "-F", form, "-o", str(result))
    code, out, _ = await compare(clouds_yaml(tmp_path, **auths), *words)
    assert (code, out) == (1, "")
    assert READ[form](result.read_text()) == (PROPERTIES, "answer")


def read_text(written: str) -> tuple[str, str]:
    head, line, last = written.splitlines()
    assert last == "1 asked of one and other, 1 differ (answer 1)"
    return head.removeprefix("tables "), line.strip().partition(":")[0]


def read_json(written: str) -> tuple[str, str]:
    whole = json.loads(written)
    assert not whole["equal"]
    (case,) = whole["cases"]
    (difference,) = case["differences"]
    return case["name"], difference["kind"]


def read_junit(written: str) -> tuple[str, str]:
    (case,) = ET.fromstring(written).iter("testcase")
    (failure,) = case
    return case.attrib["name"], failure.attrib["type"]


READ: Any = {"text": read_text, "json": read_json, "junit": read_junit}


async def test_a_table_for_administrators_is_left_out_without_one(a_shared_cloud: ASharedCloud, tmp_path: Path) -> None:
    auth = {**ENTRY, "auth_url": (await a_shared_cloud()).auth_url}
    words = ("--cloud", "one", "--cloud", "other", "--table", "metadef-tags.update")
    code, out, _ = await compare(clouds_yaml(tmp_path, one=auth, other=auth), *words)
    assert code == 0
    assert "not asked, since it needs an administrator of both clouds: metadef-tags.update" in out


async def test_a_table_for_administrators_is_asked_as_the_one_of_each_cloud(
    a_shared_cloud: ASharedCloud, tmp_path: Path
) -> None:
    auth = {**ENTRY, "auth_url": (await a_shared_cloud()).auth_url}
    admin = {**auth, "username": "admin", "project_name": "admin"}
    clouds = clouds_yaml(tmp_path, one=auth, one_admin=admin, other=auth, other_admin=admin)
    code, out, _ = await compare(clouds, "--cloud", "one", "--cloud", "other", "--table", "metadef-tags.update")
    assert (code, out) == (0, "1 asked of one and other, 0 differ\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cloud", "wrong", "--cloud", "one"), "refused demo: 401"),
        (("--cloud", "away", "--cloud", "one"), "does not answer"),
        (("--cloud", "none", "--cloud", "one"), "there is no cloud 'none'"),
        (("--cloud", "half", "--cloud", "one"), "has no password"),
        (("--cloud", "one"), "--cloud names two clouds"),
        (("--cloud", "one", "--cloud", "one", "--table", "nothing.*"), "no table has a request 'nothing.*'"),
        (("--cloud", "one", "--cloud", "one", "--amqp-url-a", "amqp://a"), "both brokers"),
        (("--cloud", "one", "--cloud", "one", "-F", "xml"), "'xml'"),
    ],
)
async def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    a_shared_cloud: ASharedCloud, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    auth = {**ENTRY, "auth_url": (await a_shared_cloud()).auth_url}
    half = {key: value for key, value in auth.items() if key != "password"}
    away = {**auth, "auth_url": "http://127.0.0.1:9/v3"}
    clouds = clouds_yaml(tmp_path, one=auth, wrong={**auth, "password": "wrong"}, away=away, half=half)
    code, out, err = await compare(clouds, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
