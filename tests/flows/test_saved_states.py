"""What a cloud is, saved under a name: loaded again, here or on another machine, it is the same."""

import asyncio
import tarfile
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from stackwire.cloud.states import copying
from stackwire.cloud.states.folder import NoStateFile, NoStateName, NoSuchState, StateExists, StateFolder
from stackwire.cloud.states.states import CloudBusy, States
from support import invariants
from support.builders.images import an_image, download_image
from support.builders.servers import a_server, from_volume, get_server
from support.builders.volumes import a_volume, get_volume
from support.cloud import ACloud, JsonClient, TestCloud
from support.states import contents

DATA = bytes(range(256)) * 16
pytestmark = pytest.mark.one_process  # as the admin port has it


@pytest.fixture
async def cloud(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(trace=True)


async def lineage(cloud: TestCloud, ident: str) -> Any:
    async with aiohttp.ClientSession(cloud.urls["trace"]) as session, session.get(f"/lineage/{ident}") as answer:
        return (await answer.json())["properties"]


class Journey:
    """An image, a volume of it, a server of that, and all that is to be the same when it is loaded."""

    def __init__(self, cloud: TestCloud, demo: JsonClient) -> None:
        self.cloud, self.demo = cloud, demo

    async def begin(self) -> None:
        self.image = await an_image(self.demo, DATA, hw_disk_bus="scsi")
        self.volume = await a_volume(self.cloud, self.demo, imageRef=self.image)
        self.server = await a_server(self.cloud, self.demo, block_device_mapping_v2=from_volume(self.volume))

    async def look(self) -> Any:
        volume = await get_volume(self.demo, self.volume)
        path = next(folder for folder, _ in copying.folders(self.cloud.cloud) if "volume" in str(folder).split("/"))
        files = {file.name: file.stat().st_size for file in path.parent.rglob("volume-*")}
        return {
            "bytes": await download_image(self.demo, self.image),
            "volume": volume,
            "files": files,
            "server": await get_server(self.demo, self.server),
            "lineage": [await lineage(self.cloud, ident) for ident in (self.image, self.volume, self.server)],
        }


async def test_a_saved_state_is_loaded_with_its_bytes_and_its_lineage(cloud: TestCloud, states: States) -> None:
    demo = await cloud.http("demo")
    journey = Journey(cloud, demo)
    await journey.begin()
    found = await states.save("one-server")
    rows, before = await contents(cloud), await journey.look()
    assert (found["name"], found["rows"]["compute"]["instances"]) == ("one-server", 1)

    (await demo.delete("compute", f"/v2.1/servers/{journey.server}")).ok(204)
    await cloud.settle()
    await an_image(demo)
    await states.load("one-server")

    assert await contents(cloud) == rows
    assert await journey.look() == before
    await invariants.hold_in(cloud.database.admin_url, 5.0)
    await a_server(cloud, demo, imageRef=journey.image)

    await states.reset()
    assert (await demo.get("image", "/v2/images")).json["images"] == []
    await states.load("one-server")
    assert await journey.look() == before


async def test_a_state_goes_to_another_cloud_as_a_file(cloud: TestCloud, states: States, tmp_path: Path) -> None:
    journey = Journey(cloud, await cloud.http("demo"))
    await journey.begin()
    await states.save("one-server")
    before = await journey.look()
    file = tmp_path / "one-server.tar.gz"
    await asyncio.to_thread(StateFolder(tmp_path / "states").export_file, "one-server", file)
    assert file.stat().st_size < 2 * 1024**2  # of a volume of 1 GiB

    other = States(cloud.cloud, tmp_path / "elsewhere")
    name = await asyncio.to_thread(StateFolder(tmp_path / "elsewhere").import_file, file, "theirs")
    await states.reset()
    await other.load(name)

    assert await journey.look() == before
    await other.close()


async def test_a_state_of_another_schema_is_refused_and_nothing_changes(
    cloud: TestCloud, states: States, tmp_path: Path
) -> None:
    await an_image(await cloud.http("demo"))
    await states.save("now")
    path = tmp_path / "states" / "now" / "rows" / "volume" / "schema.json"
    schema = orjson.loads(path.read_bytes())
    schema["steps"]["0999_later"] = "0" * 64
    path.write_bytes(orjson.dumps(schema))
    rows = await contents(cloud)

    with pytest.raises(copying.OtherSchema) as refused:
        await states.load("now")

    assert refused.value.message == (
        "The state now is of another version of Stackwire: in the schema volume,"
        " it has the migration 0999_later, which this version does not know."
    )
    assert await contents(cloud) == rows


async def test_names_are_plain_and_taken_once(cloud: TestCloud, states: States, tmp_path: Path) -> None:
    await states.save("a")
    with pytest.raises(StateExists):
        await states.save("a")
    await states.save("a", replace=True)
    for name in ("", "../a", ".hidden", "a b", "x" * 65):
        with pytest.raises(NoStateName):
            await states.save(name)
    with pytest.raises(NoSuchState):
        await states.load("b")
    await states.save("b")
    assert [found["name"] for found in await states.saved()] == ["a", "b"]
    await states.delete("a")
    with pytest.raises(NoSuchState):
        await states.delete("a")
    assert [found["name"] for found in await states.saved()] == ["b"]


async def test_work_that_is_held_back_cannot_be_saved(
    cloud: TestCloud, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stackwire.cloud.states.states.SAVE_TIMEOUT_SECONDS", 0.2)
    cloud.cloud.pace.set("held")
    demo = await cloud.http("demo")
    (await demo.post("volume", "/v3/{project_id}/volumes", json={"volume": {"size": 1}})).ok(202)
    with pytest.raises(CloudBusy):
        await states.save("half")
    cloud.cloud.pace.set("instant")
    await states.save("whole")


@pytest.mark.parametrize("name", ["../escape", "/absolute", "other/file"])
def test_a_file_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "bad.tar"
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(NoStateFile):
        StateFolder(tmp_path / "states").import_file(file)
    assert StateFolder(tmp_path / "states").manifests() == []


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.tar"
    file.write_bytes(b"no tar")
    with pytest.raises(NoStateFile):
        StateFolder(tmp_path / "states").import_file(file)
