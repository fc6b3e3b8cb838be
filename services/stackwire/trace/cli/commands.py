"""``stackwire trace``: messages of the bus, one request's story, where a resource's properties came from.

Three sources: the running cloud of a data directory (through its tracer), any RabbitMQ, recorded files.
"""

import asyncio
import contextlib
import inspect
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from stackwire.trace.cli.client import JsonObject, MessageFilter, QueryError, SourceOptions, TraceClient

app = typer.Typer(
    name="trace",
    help="Show the messages, one request's story, and where each property came from.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="as JSON, one document or one line a message")]
ResourceName = Annotated[str, typer.Argument(help="an image, volume, snapshot or server: id, its beginning, or name")]
Service = Annotated[str | None, typer.Option("--service", help="only with this participant, or a part of its name")]
About = Annotated[str | None, typer.Option("--resource", help="only about this resource: name, id or its beginning")]
Event = Annotated[str | None, typer.Option("--event", help="only with this method, event or action, or a part of it")]
Request = Annotated[str | None, typer.Option("--request", help="only of this request id")]
PayloadText = Annotated[str | None, typer.Option("--text", help="only with this text in a payload")]
Everything = Annotated[bool, typer.Option("--all", help="with plain reads, logins and the services' periodic messages")]
Key = Annotated[str, typer.Argument(help="a property, with or without the prefix image_ of servers")]
SOURCE_OPTIONS: dict[str, tuple[Any, Any]] = {
    "data_dir": (
        Annotated[Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the running cloud's folder")],
        Path(".stackwire"),
    ),
    "trace_url": (Annotated[str | None, typer.Option("--trace-url", help="a tracer's own address")], None),
    "amqp_url": (Annotated[str | None, typer.Option("--amqp-url", help="any RabbitMQ an OpenStack uses")], None),
    "management_url": (
        Annotated[str | None, typer.Option("--management-url", help="that RabbitMQ's management API, with a login")],
        None,
    ),
    "file": (
        Annotated[list[Path] | None, typer.Option("--file", "-f", help="a recording (JSON Lines); repeatable")],
        None,
    ),
    "index_url": (
        Annotated[
            str | None,
            typer.Option("--index-url", help="of `where` alone: an index, asked as OS_TOKEN or OS_USERNAME, ... say"),
        ],
        None,
    ),
    "seconds": (
        Annotated[float, typer.Option("--seconds", min=0.1, help="with --amqp-url: how long to listen first")],
        10.0,
    ),
}
"""The options of every command: which source to query."""


def with_client(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the source options to a command, which gets a TraceClient of them as its first argument."""

    @wraps(command)
    def wrapper(**arguments: Any) -> None:
        options = {name: arguments.pop(name) for name in SOURCE_OPTIONS}
        try:
            client = TraceClient(SourceOptions(**options), log=lambda line: print(line, file=sys.stderr))
        except QueryError as error:
            _exit(error)
        command(client, **arguments)

    keyword = inspect.Parameter.KEYWORD_ONLY
    own = list(inspect.signature(command).parameters.values())[1:]
    parameters = [parameter.replace(kind=keyword) for parameter in own] + [
        inspect.Parameter(name, keyword, annotation=annotation, default=default)
        for name, (annotation, default) in SOURCE_OPTIONS.items()
    ]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it from any function
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapper


@app.command()
@with_client
def tail(
    client: TraceClient,
    service: Service = None,
    resource: About = None,
    event: Event = None,
    request: Request = None,
    text: PayloadText = None,
    as_json: AsJson = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="begin with that many past messages")] = 20,
    follow: Annotated[bool, typer.Option(help="continue until Ctrl-C")] = True,
    everything: Everything = False,
) -> None:
    """Messages as they pass, one line each."""
    from stackwire.trace.cli.tables import console, line

    out = console()

    def show(message: JsonObject) -> None:
        if as_json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        else:
            out.print(line(message), soft_wrap=True)

    wanted = _wanted(everything, service=service, resource=resource, event=event, request=request, text=text)
    _run(client.tail(MessageFilter(show, {**wanted, "deliveries": "false"}), last, follow))


@app.command()
@with_client
def stories(
    client: TraceClient,
    service: Service = None,
    resource: About = None,
    event: Event = None,
    request: Request = None,
    text: PayloadText = None,
    status: Annotated[str | None, typer.Option("--status", help="404, 4xx, or failed")] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="that many at most")] = 20,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """What was done lately, one line each, the newest first."""
    wanted = _wanted(
        everything, service=service, resource=resource, event=event, request=request, text=text, status=status
    )
    _show(_run(client.stories(wanted, last)), as_json, "story list")


@app.command()
@with_client
def story(
    client: TraceClient,
    request: Annotated[str, typer.Argument(help="a request id or its beginning, or a resource's id or name")],
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="both notifications of a start and an end")] = False,
) -> None:
    """All messages that one request caused, in order."""
    _show(_run(client.query("stories", request)), as_json, "stories" if everything else "folded stories")


@app.command()
@with_client
def record(
    client: TraceClient,
    output: Annotated[Path, typer.Argument(help="the file to write (JSON Lines)")],
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="begin with that many past messages")] = 0,
    duration: Annotated[float | None, typer.Option("--for", min=0.1, help="seconds; until Ctrl-C by default")] = None,
    follow: Annotated[bool, typer.Option(help="go on after the past messages")] = True,
) -> None:
    """Write all messages into a file, which --file of every command reads again."""
    from stackwire.trace.backends.recording_file import Recorder

    try:
        with Recorder(output) as recorder:
            _run(_timed(client.tail(MessageFilter(recorder.write, {}), last, follow), duration), ends=True)
    except OSError as error:
        _exit(QueryError(f"cannot write {output}: {error.strerror}"))
    print(f"stackwire: {recorder.count} messages in {output}", file=sys.stderr)


async def _timed(work: Coroutine[Any, Any, None], seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work


def _wanted(everything: bool, **filters: str | None) -> dict[str, str]:
    """As parameters of the tracer's API."""
    given = {name: value for name, value in filters.items() if value}
    return given if everything else {"housekeeping": "false", "reads": "false", "logins": "false"} | given


@app.command()
@with_client
def export(
    client: TraceClient,
    request: Annotated[str, typer.Argument(help="a request id or its beginning, or a resource's id or name")],
    form: Annotated[str, typer.Option("--form", "-F", help="mermaid, plantuml, html, har, otlp or jsonl")] = "mermaid",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="a file; standard output by default")] = None,
    to: Annotated[str | None, typer.Option("--to", help="with otlp: an OpenTelemetry collector to send it to")] = None,
) -> None:
    """One request's story in another tool's format, or sent to a collector."""
    if to is not None and (form != "otlp" or output is not None):
        _exit(QueryError("--to goes with --form otlp" if form != "otlp" else "--to and --output exclude each other"))
    text = _run(client.export(request, form))
    if to is not None:
        _send(text, to)
        return
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        _exit(QueryError(f"cannot write {output}: {error.strerror}"))


@app.command()
@with_client
def lineage(client: TraceClient, resource: ResourceName, as_json: AsJson = False) -> None:
    """Each property of a resource: who set it, every transfer with its rule, where it is now."""
    _show(_run(client.query("lineage", resource)), as_json, "lineage")


@app.command()
@with_client
def why(client: TraceClient, key: Key, resource: ResourceName, as_json: AsJson = False) -> None:
    """How a property came to a resource; or, if it has none, which transfer dropped it."""
    _show(_run(client.query("why", key, resource)), as_json, "why")


@app.command()
@with_client
def where(client: TraceClient, key: Key, as_json: AsJson = False) -> None:
    """Every resource that has a property now, and who set it."""
    _show(_run(client.query("where", key)), as_json, "where")


@app.command()
@with_client
def diff(client: TraceClient, first: ResourceName, second: ResourceName, as_json: AsJson = False) -> None:
    """The properties of two resources side by side."""
    _show(_run(client.query("diff", first, second)), as_json, "diff")


def _send(text: str, to: str) -> None:
    from stackwire.trace.backends.otlp_exporter import ExportError, export_trace

    try:
        print(f"stackwire: sent to {_run(export_trace(text, to))}", file=sys.stderr)
    except ExportError as error:
        _exit(QueryError(str(error)))


def _show(result: JsonObject, as_json: bool, query: str) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
        return
    from stackwire.trace.cli.tables import QUERY_TABLES, console

    out = console()
    for table in QUERY_TABLES[query](result):
        out.print(table)
        out.print()


def _run(work: Coroutine[Any, Any, Any], *, ends: bool = False) -> Any:
    """``ends``: an interrupt is the end of the work, not of the command."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a firehose enabled here is disabled again
    try:
        return asyncio.run(work)
    except (KeyboardInterrupt, BrokenPipeError):
        if ends:
            return None
        raise typer.Exit(0) from None
    except QueryError as error:
        _exit(error)


def _exit(error: QueryError) -> Any:
    print(f"stackwire: {' '.join(str(error).split())}", file=sys.stderr)
    raise typer.Exit(error.code) from None
