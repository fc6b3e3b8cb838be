"""What a release knows, and what a bug takes back, seen by a user: the same story told with the bug and without."""

from functools import partial
from typing import Any

import pytest

from stackwire.cloud.bugs.scenario_client import ScenarioClient
from stackwire.cloud.bugs.scenarios import SCENARIOS, Scenario
from stackwire.cloud.client import logged_in
from stackwire.core.behaviours import BUGS, CURRENT, RELEASES
from support.cloud import ASharedCloud, TestCloud
from support.user_actions import UserActions

# Where volumes hand nothing on to images, they cannot hand on too much.
HANDED_ON_BY_ICEHOUSE = {"lp-1945500": 202, "lp-1823445": None}
MENDED_LATER = [one for one in SCENARIOS.values() if one.behaviour.since != RELEASES[0]]


async def outcome(scenario: Scenario, cloud: TestCloud) -> Any:
    async def recorded(kind: str, ident: str) -> dict[str, str | None]:
        assert kind == "server"
        return await (await UserActions.of(cloud)).system_metadata(ident)

    project, admin = (await cloud.http("demo")).project_id, await cloud.http("admin")
    wide = {"volume": {"volumes": 100}, "compute": {"instances": 100, "cores": 100}}  # scenarios share a cloud
    for service, root in (("volume", "/v3/{project_id}"), ("compute", "/v2.1")):
        (await admin.put(service, f"{root}/os-quota-sets/{project}", json={"quota_set": wide[service]})).ok(200)
    async with (
        logged_in(cloud.urls) as ours,
        logged_in(cloud.urls, "alt") as alt,
        logged_in(cloud.urls, "admin") as boss,
    ):
        others = {name: ScenarioClient(api, cloud.settle, recorded) for name, api in (("alt", alt), ("admin", boss))}
        return await scenario.steps(ScenarioClient(ours, cloud.settle, recorded, others))


def test_every_bug_is_in_the_museum() -> None:
    assert set(SCENARIOS) == set(BUGS)
    assert all(scenario.story for scenario in SCENARIOS.values())


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
async def test_a_bug_makes_its_difference_and_no_bug_makes_none(
    a_shared_cloud: ASharedCloud, scenario: Scenario
) -> None:
    there = partial(a_shared_cloud, settings=scenario.settings)
    assert await outcome(scenario, await there(scenario.release, [scenario.bug])) == scenario.with_bug
    assert await outcome(scenario, await there(scenario.release)) == scenario.without_bug


@pytest.mark.parametrize("scenario", MENDED_LATER, ids=lambda scenario: scenario.bug)
async def test_an_old_release_has_what_was_fixed_later(a_shared_cloud: ASharedCloud, scenario: Scenario) -> None:
    if scenario.behaviour.broken_since is None:
        release, expected = RELEASES[0], HANDED_ON_BY_ICEHOUSE.get(scenario.bug, scenario.with_bug)
    else:
        release, expected = RELEASES[RELEASES.index(scenario.behaviour.since) - 1], scenario.with_bug
    assert await outcome(scenario, await a_shared_cloud(release, settings=scenario.settings)) == expected


# ---- behaviours that are no bugs


@pytest.mark.parametrize(("release", "newest", "beyond"), [("icehouse", "2.1", "2.2"), ("zed", "2.93", "2.94")])
async def test_a_release_refuses_the_microversions_of_later_ones(
    a_shared_cloud: ASharedCloud, release: str, newest: str, beyond: str
) -> None:
    client = await (await a_shared_cloud(release)).http("demo")
    for version, status in ((newest, 200), ("latest", 200), (beyond, 406)):
        headers = {"OpenStack-API-Version": f"compute {version}"}
        answer = await client.get("compute", "/v2.1/servers", headers=headers)
        assert answer.status == status
        if status == 200:
            assert answer.headers["OpenStack-API-Version"] == f"compute {newest}"


@pytest.mark.parametrize(("release", "visibility"), [("newton", "private"), ("ocata", "shared"), (CURRENT, "shared")])
async def test_a_new_image_was_private_and_is_shared(
    a_shared_cloud: ASharedCloud, release: str, visibility: str
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    assert (await user.get_image(await user.image()))["visibility"] == visibility


@pytest.mark.parametrize(("release", "there", "status"), [("queens", True, 200), ("rocky", False, 300)])
async def test_the_first_image_api_was_there_until_it_went(
    a_shared_cloud: ASharedCloud, release: str, there: bool, status: int
) -> None:
    client = await (await a_shared_cloud(release)).http("demo")
    answer = (await client.get("image", "/versions")).ok(200).json["versions"]
    assert any(version["id"].startswith("v1.") for version in answer) is there
    assert (await client.get("image", "/v1/images")).status == status


@pytest.mark.parametrize(
    ("release", "version", "status"),
    [("yoga", "2.93", 400), ("zed", "2.93", 202), (CURRENT, "2.93", 202), (CURRENT, "2.92", 400)],
)
async def test_a_server_on_a_volume_is_rebuilt_to_another_image_since_zed_and_2_93(
    a_shared_cloud: ASharedCloud, release: str, version: str, status: int
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    server_id = await user.server_from_volume(await user.volume(imageRef=await user.image(team="a")))
    other = await user.image(team="b")
    answer = await user.server_action(server_id, version, rebuild={"imageRef": other})
    assert answer.status == status
    assert (await user.get_server(server_id))["status"] == "ACTIVE"
    assert (await user.system_metadata(server_id))["image_team"] == ("b" if status == 202 else "a")
