"""Where image data is kept: several directories, and what was there before they were named."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from stackwire.image.settings import ImageSettings
from support.builders.images import an_image, download_image
from support.cloud import ACloud, TestCloud

TWO = ("identity", "image")
DATA = bytes(range(251)) * 9000


def images_in(root: Path) -> list[str]:
    return sorted(path.name[:36] for path in (root / "images").glob("*"))


async def test_new_data_goes_into_the_directories_named_and_older_data_is_found_and_deleted(
    a_cloud: ACloud, tmp_path: Path
) -> None:
    before: TestCloud = await a_cloud(services=TWO)
    old = await an_image(await before.http(), DATA)
    await before.close()
    fast, slow = tmp_path / "fast", tmp_path / "slow"
    cloud = await a_cloud(services=TWO, settings={"image": {"filesystem_store_datadirs": f"{slow}:100, {fast}:200"}})
    client = await cloud.http()
    new = await an_image(client, DATA)
    assert images_in(fast) == [new]
    assert images_in(slow) == []
    for image_id in (old, new):
        assert await download_image(client, image_id) == DATA
        (await client.delete("image", f"/v2/images/{image_id}")).ok(204)
    assert images_in(fast) == []
    assert images_in(Path(cloud.cloud.options.data_dir) / "image") == []


@pytest.mark.parametrize(
    "wrong", ["relative", "/a:high", "/a:-1", "/a:", "/a:1,/a:2", "/a,/a/", "/a:1:2", "/a:9999999999"]
)
def test_directories_that_make_no_sense_are_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValidationError):
        ImageSettings(filesystem_store_datadirs=wrong)  # type: ignore[arg-type]  # as the environment has it: text


def test_directories_have_no_priority_unless_configured() -> None:
    settings = ImageSettings(filesystem_store_datadirs="/a, /b:7")  # type: ignore[arg-type]  # as the environment has it: text
    assert settings.data_dirs == [(Path("/a"), 0), (Path("/b"), 7)]
