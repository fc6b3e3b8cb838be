"""``stackwire demo``: how the properties of a disk image travel, message by message, in a temporary cloud."""

import asyncio
import contextlib
import errno
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from stackwire.cloud.client import Progress
    from stackwire.cloud.demo_journey import Record
    from stackwire.cloud.postgres import EmbeddedPostgres
    from stackwire.trace.domain.message import Message
    from stackwire.trace.domain.message_store import MessageStore
    from stackwire.trace.domain.wording import Wording

app = typer.Typer(
    name="demo",
    help="How the properties of a disk image travel, message by message.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
COMPARED_RELEASE = "icehouse"
MAX_COMPARED_BYTES = 64 * 1024 * 1024
"""A larger image is not uploaded again for the comparison; the small disk is used there."""


class DemoError(Exception):
    """The demonstration cannot be run; the message is one line."""


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def demo(
    image_file: Annotated[Path | None, typer.Argument(help="a disk image [default: a small bootable disk]")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the whole result to this file as JSON")
    ] = None,
    release: Annotated[str, typer.Option(help="the OpenStack release whose property rules apply")] = "current",
    against: Annotated[str, typer.Option(help="the release to compare with")] = COMPARED_RELEASE,
) -> None:
    """Upload, volume, servers, snapshots, rebuild: prints every message, then the lineage of every property."""
    from stackwire.runtime.main import STARTUP_ERRORS, run, startup_error_text

    try:
        names = _checked(image_file, json_file, release, against)
        run(lambda: _until_signal(_show(image_file, json_file, *names)))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:  # the reader of the pipe exited
        raise typer.Exit(130) from None
    except OSError as error:
        _fail("the disk is full" if error.errno == errno.ENOSPC else startup_error_text(error))
    except (DemoError, *STARTUP_ERRORS) as error:
        _fail(startup_error_text(error))


def _fail(message: str) -> None:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(2)


def _checked(image: Path | None, report: Path | None, release: str, against: str) -> tuple[str, str]:
    """Checks the arguments before anything is started. Returns the canonical names of the releases."""
    from stackwire.core.behaviours import release_named

    if image is not None:
        if not image.is_file():
            raise DemoError(f"{image} is {'not a file' if image.exists() else 'missing'}")
        with image.open("rb") as source:
            if not source.read(1):
                raise DemoError(f"{image} is empty")
    if report is not None:
        try:
            report.open("ab").close()
        except OSError as error:
            raise DemoError(f"cannot write {report}: {error.strerror}") from error
    return release_named(release), release_named(against)


async def _until_signal(work: Any) -> None:
    """SIGTERM is handled like Ctrl-C: everything is cleaned up first."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await work
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _show(image: Path | None, report: Path | None, release: str, against: str) -> None:
    from stackwire.cloud import demo_cloud, demo_report, disk
    from stackwire.cloud.client import Refused
    from stackwire.cloud.postgres import PostgresError
    from stackwire.trace.cli.tables import console
    from stackwire.trace.domain.wording import Wording

    began = time.monotonic()
    out = console()
    try:
        async with demo_cloud.workplace() as folder:
            source = image or disk.write(folder / "disk.img")
            other = disk.write(folder / "other.img", size=4 * disk.MEBIBYTE)
            size, disk_format = source.stat().st_size, _format(source)
            out.print(f"A disk image of {_mib(size)} ({disk_format}), rules of {release}.")
            small = source if size <= MAX_COMPARED_BYTES else other  # the rules do not depend on the bytes
            async with demo_cloud.postgres(folder) as server:
                async with demo_cloud.running(server, folder, "today", release) as (cloud, store):
                    out.print(f"The cloud is up after {time.monotonic() - began:.1f} s.")
                    stage = _Terminal(out)
                    async with _beside(_old(server, folder, against, small, other, stage.waits)) as comparison:
                        with store.listening(_printer(out, Wording(store.names))):
                            record = await journey(cloud, store, stage, source, disk_format, other)
                        out.print(f"\nThe journey took {sum(step['seconds'] for step in record.steps):.1f} s.\n")
                        demo_report.show_lineage(out, record, store)
                        then = await comparison
    except (Refused, PostgresError) as error:
        raise DemoError(str(error)) from error
    found = demo_report.differences(then, record)
    demo_report.show_differences(out, found, against, release)
    same = record.uploaded_sha512 == record.saved_sha512
    out.print(f"\nThe saved image {'is' if same else 'is NOT'} the uploaded one: sha512 {record.saved_sha512[:32]}…")
    if report is not None:
        described = {"path": str(image) if image else None, "size": size, "format": disk_format}
        _write(report, demo_report.as_json(record, store, found, against, release, described), began)
        out.print(f"Everything is in {report}.")
    out.print(f"Done in {time.monotonic() - began:.1f} s.")
    if not same:
        raise DemoError("the checksum of the saved image differs from the uploaded one's")


def _write(report: Path, document: dict[str, Any], began: float) -> None:
    document["seconds"] = round(time.monotonic() - began, 3)
    report.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


async def _old(
    server: "EmbeddedPostgres", folder: Path, release: str, source: Path, other: Path, begin: asyncio.Event
) -> "Record":
    """The same journey under an old release, run while the displayed one waits for its upload."""
    from stackwire.cloud import demo_cloud

    await begin.wait()
    async with demo_cloud.running(server, folder, "then", release) as (cloud, store):
        return await journey(cloud, store, Quiet(), source, _format(source), other, whole=False)


@contextlib.asynccontextmanager
async def _beside(work: "Coroutine[Any, Any, Record]") -> "AsyncIterator[asyncio.Task[Record]]":
    """A task that is cancelled at the end of the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def journey(
    cloud: Any, store: "MessageStore", stage: Any, source: Path, disk_format: str, other: Path, *, whole: bool = True
) -> "Record":
    """Runs the journey in a cloud, as the demo user."""
    from stackwire.cloud.client import logged_in
    from stackwire.cloud.demo_journey import Journey

    async with logged_in(cloud.urls) as client:
        return await Journey(client, cloud, store, stage).run(source, disk_format, other, whole=whole)


def _printer(out: "Console", wording: "Wording") -> Any:
    from stackwire.trace.cli.tables import line

    showing = asyncio.current_task()
    assert showing is not None

    def print_message(message: "Message") -> None:
        if message.step == "deliver" or message.housekeeping or _is_poll(message):
            return
        try:
            out.print(line(wording.message(message)), soft_wrap=True)
        except BrokenPipeError:  # the reader exited; raised here it would reach the bus
            showing.cancel()

    return print_message


def _is_poll(message: "Message") -> bool:
    """Whether it is a poll of the demonstration, of which there are many."""
    from stackwire.cloud.client import USER_AGENT

    return message.kind == "http" and message.sender == USER_AGENT and message.name.startswith("GET ")


def _format(source: Path) -> str:
    """The ``disk_format`` of the upload: a disk with a partition table is raw."""
    from oslo_utils.imageutils import format_inspector

    logging.getLogger(format_inspector.__name__).setLevel(logging.CRITICAL)  # the error below has the reason
    try:
        found = str(format_inspector.detect_file_format(str(source)))
    except Exception as error:  # the inspector raises many types for a damaged file
        raise DemoError(f"{source} is not a disk image of a known format") from error
    return "raw" if found in ("raw", "gpt") else found


def _mib(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"


class Quiet:
    """A stage without output."""

    def step(self, number: int, title: str) -> None:
        """A new step."""

    def done(self, seconds: float) -> None:
        """The step's end."""

    @contextlib.contextmanager
    def bar(self, title: str, total: int) -> "Iterator[Progress]":
        """Progress of a long transfer of ``total`` bytes."""
        yield lambda size: None


class _Terminal(Quiet):
    """Headings, with progress bars on a terminal and plain lines elsewhere."""

    def __init__(self, out: "Console") -> None:
        self._out = out
        self.waits = asyncio.Event()

    def step(self, number: int, title: str) -> None:
        from rich.text import Text

        from stackwire.cloud.demo_journey import UPLOAD_ENDS

        self._out.print()
        self._out.print(Text(f"{number}. {title}", "bold green"))
        if title == UPLOAD_ENDS:
            self.waits.set()

    def done(self, seconds: float) -> None:
        self._out.print(f"   done in {seconds * 1000:.0f} ms")

    @contextlib.contextmanager
    def bar(self, title: str, total: int) -> "Iterator[Progress]":
        if not self._out.is_terminal:
            self._out.print(f"   {title} {_mib(total)}")
            yield lambda size: None
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn(f"   {title}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=self._out, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda size: progress.advance(task, size)
