"""What a release knows, and what a bug takes back, seen by a user: the same story told with the bug and without."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stackwire.core.behaviours import BUGS, CURRENT, RELEASES
from support.cloud import ASharedCloud
from support.steps import Steps

BASE_KEYS = {"image_image_name", "image_checksum", "image_size"}
Story = Callable[[Steps], Awaitable[Any]]
STORIES: list[tuple[str, Story, Any, Any]] = []
# Where volumes hand nothing on to images, they cannot hand on too much.
HANDED_ON_BY_ICEHOUSE = {"lp-1945500": 202, "lp-1823445": None}


def story(bug: str, *, then: Any, now: Any) -> Callable[[Story], Story]:
    """What comes of it with the bug, and what without."""

    def keep(told: Story) -> Story:
        STORIES.append((bug, told, then, now))
        return told

    return keep


@story("lp-1893618", then=False, now=True)
async def base_image_after_a_rebuild(steps: Steps) -> bool:
    image_id = await steps.image()
    server_id = await steps.server(imageRef=image_id)
    await steps.rebuild(server_id, image_id)
    return (await steps.snapshot(server_id)).get("base_image_ref") == image_id


@story("upload-without-inheritance", then=None, now="storage")
async def property_of_an_uploaded_volume(steps: Steps) -> Any:
    image = await steps.upload_volume(await steps.volume(imageRef=await steps.image(team="storage")))
    await steps.give_up_upload(image["id"])
    return image.get("team")


@story("lp-1945500", then=400, now=202)
async def upload_of_a_volume_with_a_name_glance_keeps_to_itself(steps: Steps) -> int:
    volume_id = await steps.volume()
    (await steps.on_volume(volume_id, **{"os-set_image_metadata": {"metadata": {"os_glance_stage_host": "x"}}})).ok(200)
    wish = {"image_name": "up", "disk_format": "raw", "container_format": "bare"}
    answer = await steps.on_volume(volume_id, **{"os-volume_upload_image": wish})
    if answer.status == 202:
        image = await steps.shown_image(answer.json["os-volume_upload_image"]["image_id"])
        assert "os_glance_stage_host" not in image
        await steps.give_up_upload(image["id"])
    await steps.cloud.settle()
    assert (await steps.shown_volume(volume_id))["status"] == "available"
    return answer.status


@story("lp-1823445", then="False", now=None)
async def the_verdict_on_a_signature_of_other_bytes(steps: Steps) -> Any:
    image = await steps.upload_volume(await steps.volume(imageRef=await steps.image()))
    await steps.give_up_upload(image["id"])
    return image.get("signature_verified")


@story("bdm-lookup-properties-only", then=202, now=400)
async def a_volume_that_wants_more_memory_than_there_is(steps: Steps) -> int:
    volume_id = await steps.volume(imageRef=await steps.image(min_ram=100_000))
    device = {"boot_index": 0, "source_type": "volume", "destination_type": "volume", "uuid": volume_id}
    answer = await steps.ask_server(block_device_mapping_v2=[device])
    await steps.cloud.settle()
    return answer.status


@story("bdm-lookup-keeps-base-keys", then=BASE_KEYS, now=set())
async def what_a_server_on_a_volume_records(steps: Steps) -> set[str]:
    server_id = await steps.server_on(await steps.volume(imageRef=await steps.image()))
    assert (await steps.snapshot(server_id))["status"] == "active"
    return BASE_KEYS & (await steps.recorded(server_id)).keys()


@story("lp-1425657", then="é" * 200, now="é" * 127)
async def a_long_value_in_a_snapshot(steps: Steps) -> Any:
    server_id = await steps.server(imageRef=await steps.image(note="é" * 200))
    return (await steps.snapshot(server_id))["note"]


@story("second-generation-identity", then="demo", now="alt")
async def whose_snapshot_it_is(steps: Steps) -> Any:
    """Another user's server is rebuilt to our snapshot: its own owner's name, or the one the snapshot brought along?"""
    plain = await steps.image(visibility="community")
    ours = await steps.snapshot(await steps.server(imageRef=plain))
    patch = [{"op": "replace", "path": "/visibility", "value": "community"}]
    kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    (await steps.client.patch("image", f"/v2/images/{ours['id']}", json=patch, headers=kind)).ok(200)
    alt = await Steps.of(steps.cloud, "alt")
    server_id = await alt.server(imageRef=plain)
    await alt.rebuild(server_id, ours["id"])
    return (await alt.snapshot(server_id))["owner_user_name"]


@story("lp-1852106", then="SHA-256", now=None)
async def part_of_a_signature_in_a_snapshot(steps: Steps) -> Any:
    server_id = await steps.server(imageRef=await steps.image(img_signature_hash_method="SHA-256"))
    return (await steps.snapshot(server_id)).get("img_signature_hash_method")


@story("snapshot-merges-current-image", then="new", now="old")
async def a_property_changed_after_boot(steps: Steps) -> Any:
    image_id = await steps.image(team="old")
    server_id = await steps.server(imageRef=image_id)
    await steps.patch_image(image_id, team="new")
    return (await steps.snapshot(server_id))["team"]


def test_every_bug_has_its_story() -> None:
    assert {bug for bug, *_ in STORIES} == set(BUGS)


@pytest.mark.parametrize(
    ("bug", "told", "then", "now"), STORIES, ids=[f"{bug}: {told.__name__}" for bug, told, *_ in STORIES]
)
async def test_a_bug_makes_its_difference_and_no_bug_makes_none(
    a_shared_cloud: ASharedCloud, bug: str, told: Story, then: Any, now: Any
) -> None:
    assert await told(await Steps.of(await a_shared_cloud(with_bugs=[bug]))) == then
    assert await told(await Steps.of(await a_shared_cloud())) == now


@pytest.mark.parametrize(
    ("bug", "told", "then"),
    [(bug, told, then) for bug, told, then, _ in STORIES if BUGS[bug].since != RELEASES[0]],
    ids=[bug for bug, *_ in STORIES if BUGS[bug].since != RELEASES[0]],
)
async def test_the_first_release_has_what_was_mended_later(
    a_shared_cloud: ASharedCloud, bug: str, told: Story, then: Any
) -> None:
    expected = HANDED_ON_BY_ICEHOUSE.get(bug, then)
    assert await told(await Steps.of(await a_shared_cloud("icehouse"))) == expected


# ---- behaviours that are no bugs


@pytest.mark.parametrize(("release", "visibility"), [("newton", "private"), ("ocata", "shared"), (CURRENT, "shared")])
async def test_a_new_image_was_private_and_is_shared(
    a_shared_cloud: ASharedCloud, release: str, visibility: str
) -> None:
    steps = await Steps.of(await a_shared_cloud(release))
    assert (await steps.shown_image(await steps.image()))["visibility"] == visibility


@pytest.mark.parametrize(("release", "there", "status"), [("queens", True, 501), ("rocky", False, 300)])
async def test_the_first_image_api_was_there_until_it_went(
    a_shared_cloud: ASharedCloud, release: str, there: bool, status: int
) -> None:
    client = await (await a_shared_cloud(release)).http("demo")
    told = (await client.get("image", "/versions")).ok(200).json["versions"]
    assert any(version["id"].startswith("v1.") for version in told) is there
    assert (await client.get("image", "/v1/images")).status == status


@pytest.mark.parametrize(
    ("release", "version", "status"),
    [("yoga", "2.93", 400), ("zed", "2.93", 202), (CURRENT, "2.93", 202), (CURRENT, "2.92", 400)],
)
async def test_a_server_on_a_volume_is_rebuilt_to_another_image_since_zed_and_2_93(
    a_shared_cloud: ASharedCloud, release: str, version: str, status: int
) -> None:
    steps = await Steps.of(await a_shared_cloud(release))
    server_id = await steps.server_on(await steps.volume(imageRef=await steps.image(team="a")))
    other = await steps.image(team="b")
    answer = await steps.on_server(server_id, version, rebuild={"imageRef": other})
    assert answer.status == status
    assert (await steps.shown_server(server_id))["status"] == "ACTIVE"
    assert (await steps.recorded(server_id))["image_team"] == ("b" if status == 202 else "a")
