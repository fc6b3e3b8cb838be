"""``stackwire demo``: the journey of a real disk image's properties, message by message, on a cloud of its own."""

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

app = typer.Typer(
    name="demo",
    help="The journey of a disk image's properties, message by message.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
AGAINST = "icehouse"
SMALL = 64 * 1024 * 1024
"""Bytes of an image that are worth sending a second time, for the comparison."""


class CannotShow(Exception):
    """Why not, in one line."""


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def demo(
    image_file: Annotated[Path | None, typer.Argument(help="a disk image; without one a small disk is made")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write everything to this file as JSON")] = None,
    release: Annotated[str, typer.Option(help="the OpenStack release whose rules are shown")] = "current",
    against: Annotated[str, typer.Option(help="the release to compare with")] = AGAINST,
) -> None:
    """Upload, volume, servers, snapshots, rebuild: every message, then the lineage of every property."""
    from stackwire.runtime.main import STARTUP_ERRORS, run, startup_error_text

    try:
        names = _checked(image_file, json_file, release, against)
        run(lambda: _until_signal(_show(image_file, json_file, *names)))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:  # whoever read has seen enough
        raise typer.Exit(130) from None
    except OSError as error:
        _fail("the disk is full" if error.errno == errno.ENOSPC else startup_error_text(error))
    except (CannotShow, *STARTUP_ERRORS) as error:
        _fail(startup_error_text(error))


def _fail(message: str) -> None:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(2)


def _checked(image: Path | None, report: Path | None, release: str, against: str) -> tuple[str, str]:
    """What can be known to be wrong before anything is started. Answers the releases' own names."""
    from stackwire.core.behaviours import release_named

    if image is not None:
        if not image.is_file():
            raise CannotShow(f"{image} is {'not a file' if image.exists() else 'not there'}")
        with image.open("rb") as source:
            if not source.read(1):
                raise CannotShow(f"{image} is empty")
    if report is not None:
        try:
            report.open("ab").close()
        except OSError as error:
            raise CannotShow(f"cannot write {report}: {error.strerror}") from error
    return release_named(release), release_named(against)


async def _until_signal(work: Any) -> None:
    """SIGTERM ends it as Ctrl-C does: everything is cleaned up first."""
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

    began = time.monotonic()
    out = console()
    try:
        async with demo_cloud.workplace() as folder:
            source = image or disk.write(folder / "disk.img")
            other = disk.write(folder / "other.img", size=4 * disk.MEBIBYTE)
            size, disk_format = source.stat().st_size, _format(source)
            out.print(f"A disk image of {_mib(size)} ({disk_format}), rules of {release}.")
            small = source if size <= SMALL else other  # the rules do not look at the bytes
            async with demo_cloud.postgres(folder) as server:
                async with demo_cloud.running(server, folder, "today", release) as (cloud, store):
                    out.print(f"The cloud is up after {time.monotonic() - began:.1f} s.")
                    stage = _Shown(out)
                    async with _beside(_old(server, folder, against, small, other, stage.waits)) as comparison:
                        with store.listening(_printer(out)):
                            record = await journey(cloud, store, stage, source, disk_format, other)
                        out.print(f"\nThe journey took {sum(step['seconds'] for step in record.steps):.1f} s.\n")
                        demo_report.show_lineage(out, record, store)
                        then = await comparison
    except (Refused, PostgresError) as error:
        raise CannotShow(str(error)) from error
    found = demo_report.differences(then, record)
    demo_report.show_differences(out, found, against, release)
    same = record.uploaded_sha512 == record.saved_sha512
    out.print(f"\nThe saved image {'is' if same else 'is NOT'} the uploaded one: sha512 {record.saved_sha512[:32]}…")
    if report is not None:
        described = {"path": str(image) if image else None, "size": size, "format": disk_format}
        answer = demo_report.as_json(record, store, found, against, release, described)
        answer["seconds"] = round(time.monotonic() - began, 3)
        report.write_text(json.dumps(answer, ensure_ascii=False, indent=2) + "\n")
        out.print(f"Everything is in {report}.")
    out.print(f"Done in {time.monotonic() - began:.1f} s.")
    if not same:
        raise CannotShow("the checksum of the saved image differs from the uploaded one's")


async def _old(
    server: "EmbeddedPostgres", folder: Path, release: str, source: Path, other: Path, begin: asyncio.Event
) -> "Record":
    """The same journey under an old release: while the one that is shown waits for bytes."""
    from stackwire.cloud import demo_cloud

    await begin.wait()
    async with demo_cloud.running(server, folder, "then", release) as (cloud, store):
        return await journey(cloud, store, Quiet(), source, _format(source), other, whole=False)


@contextlib.asynccontextmanager
async def _beside(work: "Coroutine[Any, Any, Record]") -> "AsyncIterator[asyncio.Task[Record]]":
    """A task that ends with the block, whatever happens."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def journey(
    cloud: Any, store: "MessageStore", stage: Any, source: Path, disk_format: str, other: Path, *, whole: bool = True
) -> "Record":
    from stackwire.cloud.client import logged_in
    from stackwire.cloud.demo_journey import Journey

    async with logged_in(cloud.urls) as client:
        return await Journey(client, cloud, store, stage).run(source, disk_format, other, whole=whole)


def _printer(out: "Console") -> Any:
    from stackwire.trace.cli.tables import line

    showing = asyncio.current_task()
    assert showing is not None

    def tell(message: "Message") -> None:
        if message.step == "deliver" or message.housekeeping or _is_look(message):
            return
        try:
            out.print(line(message.as_json()), soft_wrap=True)
        except BrokenPipeError:  # nobody reads any more; here it would be the bus's trouble
            showing.cancel()

    return tell


def _is_look(message: "Message") -> bool:
    """The demonstration's own question how far a thing is: every few milliseconds one."""
    from stackwire.cloud.client import USER_AGENT

    return message.kind == "http" and message.sender == USER_AGENT and message.name.startswith("GET ")


def _format(source: Path) -> str:
    """The disk format to name when it is uploaded. A partition table is something a raw disk has."""
    from oslo_utils.imageutils import format_inspector

    logging.getLogger(format_inspector.__name__).setLevel(logging.CRITICAL)  # the line below says it
    try:
        found = str(format_inspector.detect_file_format(str(source)))
    except Exception as error:  # the inspector's own families, and whatever a damaged file makes it raise
        raise CannotShow(f"{source} is no disk image that can be told") from error
    return "raw" if found in ("raw", "gpt") else found


def _mib(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"


class Quiet:
    """The second journey is for its result only."""

    def step(self, number: int, title: str) -> None:
        pass

    def done(self, seconds: float) -> None:
        pass

    @contextlib.contextmanager
    def bar(self, title: str, total: int) -> "Iterator[Progress]":
        yield lambda size: None


class _Shown(Quiet):
    """Headings, and bars where there is a terminal to draw them on; plain lines where not."""

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
