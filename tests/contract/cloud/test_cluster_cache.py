"""A new cluster is a copy of one that was made before, and whatever is wrong with that one, a server starts."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from stackwire.cloud.postgres import EmbeddedPostgres
from stackwire.cloud.postgres_cache import CLUSTER, Contents
from stackwire.cloud.schemas import schemas
from stackwire.db.bootstrap import SERVICES

pytestmark = pytest.mark.slow

Started = Callable[..., EmbeddedPostgres]


@pytest.fixture
def started(folder: Path) -> Iterator[Started]:
    """Starts servers on new clusters; they are removed after the test."""
    servers: list[EmbeddedPostgres] = []
    numbers = count()

    def start(contents: Callable[[], Contents] = Contents) -> EmbeddedPostgres:
        server = EmbeddedPostgres(folder / f"cloud-{next(numbers)}", contents=contents)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.remove()


@pytest.fixture
def clusters(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder / "cache" / "stackwire" / "clusters"


@pytest.fixture(scope="module")
def made_before() -> Iterator[Path]:
    """A cache with a cluster in it; to be copied."""
    place = Path(tempfile.mkdtemp(prefix="stackwire-test-"))
    place.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        server = EmbeddedPostgres(place / "cloud")
        server.start()
        server.remove()
    yield place / "cache"
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def entry(clusters: Path, made_before: Path, folder: Path) -> Path:
    """The only cluster of a cache that is not empty."""
    subprocess.run(["cp", "-a", made_before, folder / "cache"], check=True)
    (found,) = clusters.iterdir()
    return found


async def identifier(server: EmbeddedPostgres) -> int:
    """The same in copies of one cluster."""
    return int(await value(server, "SELECT system_identifier FROM pg_control_system()"))


async def value(server: EmbeddedPostgres, sql: str) -> str:
    connection = await asyncpg.connect(server.dsn())
    try:
        return str(await connection.fetchval(sql))
    finally:
        await connection.close()


async def test_the_second_cluster_is_a_copy_of_the_first_with_every_schema(clusters: Path, started: Started) -> None:
    first, second = started(schemas), started(schemas)
    assert await identifier(first) == await identifier(second)
    assert len([*clusters.iterdir()]) == 1
    for service in SERVICES:
        assert int(await value(second, f"SELECT count(*) FROM {service}.schema_migrations")) > 2
    await value(second, "CREATE TABLE mine (n int)")
    assert await value(started(schemas), "SELECT to_regclass('mine')") == "None"


async def test_a_cluster_of_other_contents_is_another(entry: Path, started: Started) -> None:
    other = started(lambda: Contents("other"))
    assert await identifier(other) != await identifier(started())
    assert len([*entry.parent.iterdir()]) == 2


async def test_two_that_are_made_at_once_leave_one_whole_cluster(clusters: Path, started: Started) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [*pool.map(lambda _: started(), range(2))]
    assert [await value(server, "SELECT 1") for server in both] == ["1", "1"]
    (kept,) = clusters.iterdir()
    assert await identifier(started()) in [await identifier(server) for server in both]
    assert not kept.name.startswith(".")


async def test_a_cluster_with_a_file_that_lost_its_end_is_not_used(entry: Path, started: Started) -> None:
    whole = await identifier(started())
    os.truncate(entry / CLUSTER / "PG_VERSION", 0)
    assert await identifier(started()) != whole


async def test_a_cluster_that_no_server_starts_on_is_replaced(entry: Path, started: Started) -> None:
    control = entry / CLUSTER / "global" / "pg_control"
    control.write_bytes(bytes(control.stat().st_size))
    first = await identifier(started())
    assert await identifier(started()) == first, "the one that was made instead is kept"


async def test_where_nothing_can_be_written_nothing_is_kept(folder: Path, started: Started) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", "/proc/none")
        assert await identifier(started()) != await identifier(started())


async def test_a_folder_that_others_may_write_to_is_not_trusted(entry: Path, started: Started) -> None:
    whole = await identifier(started())
    entry.parent.chmod(0o777)
    assert await identifier(started()) == whole, "nobody else's, though others could have been there"
    entry.chmod(0o777)
    assert await identifier(started()) != whole


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
async def test_the_folder_of_another_user_is_not_used(entry: Path, started: Started) -> None:
    whole = await identifier(started())
    os.chown(entry, 65534, 65534)
    assert await identifier(started()) != whole


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk that is full")
async def test_a_disk_is_not_filled_with_clusters(clusters: Path, folder: Path, started: Started) -> None:
    clusters.mkdir(parents=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m,mode=700", "tmpfs", clusters], check=True)
    try:
        assert await value(started(), "SELECT 1") == "1"
        assert [*clusters.iterdir()] == []
    finally:
        subprocess.run(["umount", clusters], check=True)


def test_what_was_left_half_made_goes_when_it_is_old(clusters: Path, started: Started) -> None:
    old, new = clusters / ".new-old", clusters / ".new-new"
    for partial in (old, new):
        partial.mkdir(parents=True, mode=0o700)
    for folder in (clusters, clusters.parent, clusters.parent.parent):
        folder.chmod(0o700)
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    started()
    assert (old.exists(), new.exists()) == (False, True)
