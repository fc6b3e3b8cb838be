"""``stackwire trace``: what crosses the bus, one request's story, where a resource's properties came from.

Three places to look: the running cloud of a data directory (through its tracer), any RabbitMQ, a recorded file.
"""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

app = typer.Typer(
    name="trace",
    help="See the messages, one request's story, and where each property came from.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the running cloud's folder")]
TraceUrl = Annotated[str | None, typer.Option("--trace-url", help="a tracer's own address")]
AmqpUrl = Annotated[str | None, typer.Option("--amqp-url", help="any RabbitMQ an OpenStack speaks through")]
ManagementUrl = Annotated[
    str | None, typer.Option("--management-url", help="that RabbitMQ's management API, with a login")
]
Files = Annotated[list[Path] | None, typer.Option("--file", "-f", help="a recording (JSON Lines); repeatable")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON, one document or one line a message")]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="with --amqp-url: how long to listen first")]

Answer = dict[str, Any]


class CannotTell(Exception):
    """One line for standard error; exit code 2 when it cannot look, 1 when there is nothing to see."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


@app.command()
def tail(
    data_dir: DataDir = Path(".stackwire"),
    trace_url: TraceUrl = None,
    amqp_url: AmqpUrl = None,
    management_url: ManagementUrl = None,
    file: Files = None,
    as_json: AsJson = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="begin with so many past messages")] = 20,
    follow: Annotated[bool, typer.Option(help="go on until Ctrl-C")] = True,
) -> None:
    """Messages as they cross, one line each."""
    from stackwire.trace.render import console, line

    out = console()

    def show(message: Answer) -> None:
        if message["step"] == "deliver":  # the same message, one hop on
            return
        if as_json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        else:
            out.print(line(message), soft_wrap=True)

    source = _Source(data_dir, trace_url, amqp_url, management_url, file)
    _run(source.tail(show, last, follow))


@app.command()
def story(
    request: Annotated[str, typer.Argument(help="a request id or its beginning, or a resource's id or name")],
    data_dir: DataDir = Path(".stackwire"),
    trace_url: TraceUrl = None,
    amqp_url: AmqpUrl = None,
    management_url: ManagementUrl = None,
    file: Files = None,
    as_json: AsJson = False,
    seconds: Seconds = 10.0,
) -> None:
    """Everything one request made the services say, in order."""
    from stackwire.trace import render

    source = _Source(data_dir, trace_url, amqp_url, management_url, file, seconds)
    found = _run(source.ask("stories", request))
    _show(found, as_json, lambda: [render.story(told) for told in found["stories"]])


@app.command()
def lineage(
    resource: Annotated[str, typer.Argument(help="an image, volume, snapshot or server: id, its beginning, or name")],
    data_dir: DataDir = Path(".stackwire"),
    trace_url: TraceUrl = None,
    amqp_url: AmqpUrl = None,
    management_url: ManagementUrl = None,
    file: Files = None,
    as_json: AsJson = False,
    seconds: Seconds = 10.0,
) -> None:
    """Each property of a resource: who set it, every crossing with its rule, where it is now."""
    from stackwire.trace import render

    source = _Source(data_dir, trace_url, amqp_url, management_url, file, seconds)
    found = _run(source.ask("lineage", resource))
    _show(found, as_json, lambda: [render.lineage(found)])


def _show(found: Answer, as_json: bool, tables: Callable[[], list[Any]]) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    from stackwire.trace.render import console

    out = console()
    for table in tables():
        out.print(table)
        out.print()


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except CannotTell as error:
        print(f"stackwire: {' '.join(str(error).split())}", file=sys.stderr)
        raise typer.Exit(error.code) from None


class _Source:
    """Where to look, chosen by the options. One of a URL, a bus and files; the data directory's cloud otherwise."""

    def __init__(
        self,
        data_dir: Path,
        trace_url: str | None,
        amqp_url: str | None,
        management_url: str | None,
        files: list[Path] | None,
        seconds: float = 10.0,
    ) -> None:
        given = [
            name for name, value in (("--trace-url", trace_url), ("--amqp-url", amqp_url), ("--file", files)) if value
        ]
        if len(given) > 1:
            print(f"stackwire: {' and '.join(given)} exclude each other", file=sys.stderr)
            raise typer.Exit(2)
        self._data_dir, self._trace_url = data_dir, trace_url
        self._amqp_url, self._management_url = amqp_url, management_url
        self._files, self._seconds = files or [], seconds

    async def ask(self, what: str, wanted: str) -> Answer:
        if not (self._amqp_url or self._files):
            return await self._get(f"{what}/{quote(wanted, safe='')}")
        from stackwire.core.errors import NotFound
        from stackwire.trace import views

        async with self._store() as store:
            if self._amqp_url:
                print(f"listening for {self._seconds:g} s ...", file=sys.stderr)
                await asyncio.sleep(self._seconds)
            try:
                return views.story(store, wanted) if what == "stories" else views.lineage(store, wanted)
            except NotFound as error:
                raise CannotTell(error.message, 1) from error

    async def tail(self, show: Callable[[Answer], None], last: int, follow: bool) -> None:
        if self._files:
            async with self._store() as store:
                for message in store.messages(limit=last or len(store.messages())):
                    show(message.as_json())
        elif self._amqp_url:
            async with self._store() as store:
                async for message in store.listen():
                    show(message.as_json())
        else:
            await self._tail_of_service(show, last, follow)

    async def _tail_of_service(self, show: Callable[[Answer], None], last: int, follow: bool) -> None:
        # Deliveries are not shown, and there is one or more to each message.
        past = await self._get(f"messages?limit={last * 4}") if last else {"messages": []}
        for message in [found for found in past["messages"] if found["step"] != "deliver"][-last:]:
            show(message)
        if past.get("bounds", {}).get("problem"):
            print(f"stackwire: {past['bounds']['problem']}", file=sys.stderr)
        newest = max((message["number"] for message in past["messages"]), default=0)
        if not follow:
            return
        async for message in self._events():
            if message["number"] > newest:
                show(message)

    async def _events(self) -> AsyncIterator[Answer]:
        import aiohttp

        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), read_bufsize=2**24) as session,
            session.get(f"{self._base()}/tail") as answer,
        ):
            with contextlib.suppress(aiohttp.ClientError):  # the cloud was stopped: that is the end of the tail
                async for raw in answer.content:
                    if raw.startswith(b"data: "):
                        yield json.loads(raw[6:])

    async def _get(self, path: str) -> Answer:
        import aiohttp

        base = self._base()
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{base}/{path}") as answer:
                told: Answer = await answer.json()
                if answer.status == 404:
                    raise CannotTell(told["error"]["message"], 1)
                if answer.status != 200:
                    raise CannotTell(f"the tracer at {base} answers {answer.status}")
                return told
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise CannotTell(f"the tracer at {base} does not answer: {error}") from error

    def _base(self) -> str:
        if self._trace_url:
            return self._trace_url.rstrip("/")
        try:
            state = json.loads((self._data_dir / "cloud.json").read_text())
            return str(state["services"]["trace"])
        except FileNotFoundError as error:
            raise CannotTell(
                f"no cloud runs in {self._data_dir}: start one (stackwire up), or give --amqp-url or --file"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotTell(f"the cloud in {self._data_dir} runs without a tracer (--trace-port)") from error

    @contextlib.asynccontextmanager
    async def _store(self) -> AsyncIterator[Any]:
        from stackwire.core.errors import ServiceError
        from stackwire.messaging.transport import connect
        from stackwire.trace.sources.file import Unreadable, read
        from stackwire.trace.sources.firehose import firehose
        from stackwire.trace.store import Store

        store = Store()
        if self._files:
            try:
                read(self._files, store)
            except Unreadable as error:
                raise CannotTell(str(error)) from error
            yield store
            return
        logging.disable(logging.CRITICAL)  # the AMQP client logs what the one line below says
        try:
            transport = await connect(self._amqp_url or "", name="stackwire-trace")
        except (ServiceError, ValueError) as error:
            raise CannotTell(error.message if isinstance(error, ServiceError) else str(error)) from error
        try:
            async with firehose(transport, store, self._amqp_url or "", self._management_url) as how:
                print(f"tracing ({how})", file=sys.stderr)
                yield store
        except ServiceError as error:
            raise CannotTell(error.message) from error
        finally:
            await transport.close()
