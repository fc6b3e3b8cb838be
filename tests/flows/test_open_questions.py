"""The open questions of the article on image properties, and the bug of the rebuild: then and now, through the API."""

import re

import pytest

from support.cloud import ASharedCloud
from support.user_actions import UserActions

THEN, NOW = "icehouse", "current"


def disk_bus(guest: str) -> str | None:
    """The bus of the root disk in a guest's definition."""
    found = re.search(r"<target [^>]*bus=['\"](\w+)['\"]", guest)
    return found and found[1]


# ---- one: what a server's record of its image is for


@pytest.mark.parametrize("release", [THEN, NOW])
async def test_question_1_the_guest_keeps_the_hardware_its_server_recorded_whatever_becomes_of_the_image(
    a_shared_cloud: ASharedCloud, release: str
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image_id = await user.image(hw_disk_bus="scsi", hw_scsi_model="virtio-scsi", hw_vif_model="e1000")
    server_id = await user.server(imageRef=image_id)
    before = await user.guest(server_id)
    assert disk_bus(before) == "scsi"
    await user.patch_image(image_id, hw_disk_bus="ide", hw_vif_model="rtl8139")
    (await user.server_action(server_id, reboot={"type": "HARD"})).ok(202)
    after = await user.guest(server_id)
    assert disk_bus(after) == "scsi"
    assert (await user.system_metadata(server_id))["image_hw_disk_bus"] == "scsi"
    (await user.client.delete("image", f"/v2/images/{image_id}")).ok(204)
    (await user.server_action(server_id, reboot={"type": "HARD"})).ok(202)
    assert await user.guest(server_id) == after, "not even without the image"


@pytest.mark.parametrize("release", [THEN, NOW])
async def test_question_1_only_a_rebuild_looks_at_the_image_again(a_shared_cloud: ASharedCloud, release: str) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image_id = await user.image(hw_disk_bus="scsi", team="a")
    server_id = await user.server(imageRef=image_id)
    await user.patch_image(image_id, hw_disk_bus="ide", team="b")
    await user.rebuild(server_id, image_id)
    assert disk_bus(await user.guest(server_id)) == "ide"
    assert (await user.system_metadata(server_id))["image_team"] == "b"


@pytest.mark.parametrize(("release", "team", "later"), [(THEN, "b", "yes"), (NOW, "a", None)])
async def test_question_1_a_snapshot_is_made_of_the_record_where_it_was_once_made_of_the_image_of_the_day(
    a_shared_cloud: ASharedCloud, release: str, team: str, later: str | None
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image_id = await user.image(team="a")
    server_id = await user.server(imageRef=image_id)
    await user.patch_image(image_id, team="b", later="yes")
    snapshot = await user.snapshot(server_id)
    assert (snapshot["team"], snapshot.get("later")) == (team, later)


@pytest.mark.parametrize("release", [THEN, NOW])
async def test_question_1_a_snapshot_outlives_the_image(a_shared_cloud: ASharedCloud, release: str) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image_id = await user.image(team="a")
    server_id = await user.server(imageRef=image_id)
    (await user.client.delete("image", f"/v2/images/{image_id}")).ok(204)
    snapshot = await user.snapshot(server_id)
    assert (snapshot["status"], snapshot["team"], snapshot["base_image_ref"]) == ("active", "a", image_id)


# ---- two: whether a volume that becomes an image hands on what it knows of the image it came from


@pytest.mark.parametrize(("release", "inherits"), [(THEN, False), (NOW, True)])
async def test_question_2_a_volume_uploaded_to_an_image_passes_on_what_it_knows_where_once_it_kept_it_to_itself(
    a_shared_cloud: ASharedCloud, release: str, inherits: bool
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    first = await user.image(team="a", hw_disk_bus="scsi", min_ram=64, min_disk=1)
    volume_id = await user.volume(imageRef=first)
    (await user.volume_action(volume_id, **{"os-set_image_metadata": {"metadata": {"team": "b", "added": "yes"}}})).ok(
        200
    )
    image = await user.upload_volume(volume_id)
    expected = {"team": "b", "hw_disk_bus": "scsi", "added": "yes"} if inherits else {}
    known = {"team", "hw_disk_bus", "added", "image_id", "image_name", "signature_verified"}
    assert {key: value for key, value in image.items() if key in known} == expected
    assert (image["min_ram"], image["min_disk"]) == (0, 0), "these are the image's own, and stay behind"
    await user.abort_upload(image["id"])


@pytest.mark.parametrize("release", [THEN, NOW])
async def test_question_2_a_volume_that_knows_of_no_image_has_nothing_to_hand_on(
    a_shared_cloud: ASharedCloud, release: str
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image = await user.upload_volume(await user.volume())
    assert not {"image_id", "image_name", "signature_verified"} & image.keys()
    await user.abort_upload(image["id"])


# ---- three: whether a server's snapshot inherits


@pytest.mark.parametrize("release", [THEN, NOW])
async def test_question_3_a_snapshot_of_a_server_inherits_the_properties_of_its_image(
    a_shared_cloud: ASharedCloud, release: str
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image_id = await user.image(team="a", hw_disk_bus="scsi", cache_in_nova="yes")
    server_id = await user.server(imageRef=image_id)
    snapshot = await user.snapshot(server_id, metadata={"asked": "yes"})
    assert (snapshot["team"], snapshot["hw_disk_bus"], snapshot["asked"]) == ("a", "scsi", "yes")
    assert (snapshot["image_type"], snapshot["instance_uuid"]) == ("snapshot", server_id)
    assert snapshot["base_image_ref"] == image_id
    assert "cache_in_nova" not in snapshot, "some are never inherited"


@pytest.mark.parametrize("release", [THEN, NOW])
async def test_question_3_a_snapshot_of_a_snapshots_server_still_names_the_first_image(
    a_shared_cloud: ASharedCloud, release: str
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    image_id = await user.image(team="a")
    snapshot = await user.snapshot(await user.server(imageRef=image_id))
    second = await user.snapshot(await user.server(imageRef=snapshot["id"]))
    assert (second["team"], second["base_image_ref"]) == ("a", image_id)


@pytest.mark.parametrize(("release", "team"), [(THEN, "b"), (NOW, "a")])
async def test_question_3_a_snapshot_of_a_server_on_a_volume_inherits_the_record_where_once_it_asked_the_volume(
    a_shared_cloud: ASharedCloud, release: str, team: str
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    volume_id = await user.volume(imageRef=await user.image(team="a"))
    server_id = await user.server_from_volume(volume_id)
    (await user.volume_action(volume_id, **{"os-set_image_metadata": {"metadata": {"team": "b"}}})).ok(200)
    snapshot = await user.snapshot(server_id)
    assert (snapshot["team"], snapshot["size"], snapshot["status"]) == (team, 0, "active")
    assert "instance_uuid" not in snapshot


# ---- the bug of the rebuild, lp-1893618


@pytest.mark.parametrize(
    ("release", "kept"), [(THEN, False), ("pike", False), ("ussuri", False), ("victoria", True), (NOW, True)]
)
async def test_a_rebuilt_server_knows_its_base_image_where_once_it_forgot_and_so_did_its_snapshots(
    a_shared_cloud: ASharedCloud, release: str, kept: bool
) -> None:
    user = await UserActions.of(await a_shared_cloud(release))
    first, second = await user.image(team="a"), await user.image(team="b")
    server_id = await user.server(imageRef=first)
    assert (await user.snapshot(server_id))["base_image_ref"] == first
    await user.rebuild(server_id, second)
    expected = second if kept else None
    assert (await user.system_metadata(server_id)).get("image_base_image_ref") == expected
    snapshot = await user.snapshot(server_id)
    assert (snapshot["team"], snapshot.get("base_image_ref")) == ("b", expected)
