"""Several processes on one port: replaced where they die, stopped together, and nothing that came is refused."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stackwire.cloud.options import free_ports
from support.polling import until, wait_for_exit

PROGRAM = Path(__file__).parents[2] / "support" / "echoing_processes.py"


class Group:
    """The program, as it runs. ``text``: what it has written."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    @property
    def text(self) -> str:
        return self._log.read_text()

    async def ask(self) -> tuple[int, int]:
        """The number and the id of the process that answers. OSError where none does."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(b"\n")
            number, pid = (await reader.readline()).split()
        except ValueError:
            raise ConnectionResetError from None
        finally:
            writer.close()
        return int(number), int(pid)

    async def all(self, count: int) -> dict[int, int]:
        """Process ids by number, once so many are known."""
        found: dict[int, int] = {}

        async def one() -> bool:
            number, pid = await self.ask()
            found[number] = pid
            return len(found) == count

        await until(one)
        return found


@asynccontextmanager
async def running(folder: Path, *words: str, port: int | None = None) -> AsyncIterator[Group]:
    port = port or free_ports(("echo",))["echo"]
    path = folder / "log"
    with path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), str(port), *words, stdout=log, stderr=log
        )
    group = Group(process, port, path)
    try:
        await until(lambda: process.returncode is not None or "all serve" in group.text, 30.0)
        yield group
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_each_process_serves_the_port_and_has_a_line_of_log(tmp_path: Path) -> None:
    async with running(tmp_path, "3") as group:
        found = await group.all(3)
        assert sorted(found) == [1, 2, 3]
        for number, pid in found.items():
            assert f"echo: process {number} has started, as {pid}" in group.text
        assert group.text.count("all serve") == 1
        assert group.text.count("looks for garbage: True") == 3


async def test_what_comes_while_a_process_is_dead_waits_for_the_next(tmp_path: Path) -> None:
    async with running(tmp_path, "2") as group:
        before = await group.all(2)
        os.kill(before[1], signal.SIGKILL)
        wait_for_exit(before[1])
        answers = await asyncio.gather(*(group.ask() for _ in range(50)))
        assert {number for number, _ in answers} == {1, 2}
        assert dict(answers)[1] != before[1]
        assert "process 1" in group.text
        assert "ended by SIGKILL: it is started again in 0.1 s" in group.text


async def test_a_process_that_dies_again_and_again_is_started_less_often(tmp_path: Path) -> None:
    async with running(tmp_path, "1") as group:
        for _ in range(3):
            _, pid = await group.ask()
            os.kill(pid, signal.SIGKILL)
            wait_for_exit(pid)
        await group.ask()
        assert [f"again in {pause} s" in group.text for pause in (0.1, 0.2, 0.4, 0.8)] == [True, True, True, False]


async def test_sighup_replaces_one_after_the_other_and_refuses_nobody(tmp_path: Path) -> None:
    for words in (["2"], ["2", "overlap"]):
        async with running(tmp_path, *words) as group:
            before = await group.all(2)
            group.process.send_signal(signal.SIGHUP)

            async def replaced(group: Group = group, before: dict[int, int] = before) -> bool:
                return not set((await group.all(2)).values()) & set(before.values())

            await until(replaced, 20.0)
            for pid in before.values():
                wait_for_exit(pid)
            assert "started again" not in group.text


async def test_sigterm_and_sigint_stop_all_and_give_the_port_back(tmp_path: Path) -> None:
    for name in (signal.SIGTERM, signal.SIGINT):
        async with running(tmp_path, "2") as group:
            pids = (await group.all(2)).values()
            group.process.send_signal(name)
            assert await group.process.wait() == 0
            assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
            with socket.create_server(("127.0.0.1", group.port), reuse_port=False) as free:
                assert free.getsockname()[1] == group.port


async def test_processes_end_with_their_supervisor(tmp_path: Path) -> None:
    async with running(tmp_path, "2") as group:
        pids = (await group.all(2)).values()
        group.process.kill()
        await group.process.wait()
        for pid in pids:
            wait_for_exit(pid)
        assert group.process.returncode == -signal.SIGKILL


async def test_a_port_of_another_group_is_no_port_to_share(tmp_path: Path) -> None:
    async with running(tmp_path, "2") as group:
        folder = tmp_path / "second"
        folder.mkdir()
        async with running(folder, "2", port=group.port) as second:
            assert second.process.returncode == 1
            assert f"echo cannot listen on 127.0.0.1:{group.port}: Address already in use" in second.text


async def test_what_cannot_start_is_not_tried_again(tmp_path: Path) -> None:
    async with running(tmp_path, "fail") as group:
        assert group.process.returncode == 7
        assert "started again" not in group.text
