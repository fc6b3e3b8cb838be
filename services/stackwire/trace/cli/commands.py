"""``stackwire trace``: what crosses the bus, one request's story, where a resource's properties came from.

Three places to look: the running cloud of a data directory (through its tracer), any RabbitMQ, a recorded file.
"""

import asyncio
import inspect
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from stackwire.trace.cli.client import Answer, CannotTell, Source, Told

app = typer.Typer(
    name="trace",
    help="See the messages, one request's story, and where each property came from.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="as JSON, one document or one line a message")]
Thing = Annotated[str, typer.Argument(help="an image, volume, snapshot or server: id, its beginning, or name")]
Key = Annotated[str, typer.Argument(help="a property, with or without a server's image_ before it")]
PLACES: dict[str, tuple[Any, Any]] = {
    "data_dir": (
        Annotated[Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the running cloud's folder")],
        Path(".stackwire"),
    ),
    "trace_url": (Annotated[str | None, typer.Option("--trace-url", help="a tracer's own address")], None),
    "amqp_url": (
        Annotated[str | None, typer.Option("--amqp-url", help="any RabbitMQ an OpenStack speaks through")],
        None,
    ),
    "management_url": (
        Annotated[str | None, typer.Option("--management-url", help="that RabbitMQ's management API, with a login")],
        None,
    ),
    "file": (
        Annotated[list[Path] | None, typer.Option("--file", "-f", help="a recording (JSON Lines); repeatable")],
        None,
    ),
    "seconds": (
        Annotated[float, typer.Option("--seconds", min=0.1, help="with --amqp-url: how long to listen first")],
        10.0,
    ),
}
"""The options of every command: where to look."""


def looking(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options that say where to look; it gets a Source instead, as its first argument."""

    @wraps(command)
    def wrapper(**given: Any) -> None:
        places = {name: given.pop(name) for name in PLACES}
        try:
            source = Source(**places, say=lambda remark: print(remark, file=sys.stderr))
        except CannotTell as error:
            _end(error)
        command(source, **given)

    own = list(inspect.signature(command).parameters.values())[1:]
    kind = inspect.Parameter.KEYWORD_ONLY
    places = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in PLACES.items()
    ]
    parameters = [*(one.replace(kind=kind) for one in own), *places]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {one.name: one.annotation for one in parameters}
    return wrapper


@app.command()
@looking
def tail(
    source: Source,
    as_json: AsJson = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="begin with so many past messages")] = 20,
    follow: Annotated[bool, typer.Option(help="go on until Ctrl-C")] = True,
    everything: Annotated[bool, typer.Option("--all", help="with what services say to look after themselves")] = False,
) -> None:
    """Messages as they cross, one line each."""
    from stackwire.trace.cli.tables import console, line

    out = console()

    def show(message: Answer) -> None:
        if as_json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        else:
            out.print(line(message), soft_wrap=True)

    _run(source.tail(Told(show, everything), last, follow))


@app.command()
@looking
def story(
    source: Source,
    request: Annotated[str, typer.Argument(help="a request id or its beginning, or a resource's id or name")],
    as_json: AsJson = False,
) -> None:
    """Everything one request made the services say, in order."""
    from stackwire.trace.cli import tables

    found = _run(source.ask("stories", request))
    _show(found, as_json, lambda: [tables.story(told) for told in found["stories"]])


@app.command()
@looking
def export(
    source: Source,
    request: Annotated[str, typer.Argument(help="a request id or its beginning, or a resource's id or name")],
    form: Annotated[str, typer.Option("--form", "-F", help="mermaid, plantuml, html, har, otlp or jsonl")] = "mermaid",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="a file; without one, standard output")] = None,
    to: Annotated[str | None, typer.Option("--to", help="with otlp: an OpenTelemetry collector to send it to")] = None,
) -> None:
    """One request's story as a file of another tool's, or to a collector."""
    if to is not None and (form != "otlp" or output is not None):
        _end(CannotTell("--to goes with --form otlp" if form != "otlp" else "--to and --output exclude each other"))
    text = _run(source.export(request, form))
    if to is not None:
        _send(text, to)
        return
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        _end(CannotTell(f"cannot write {output}: {error.strerror}"))


@app.command()
@looking
def lineage(source: Source, resource: Thing, as_json: AsJson = False) -> None:
    """Each property of a resource: who set it, every crossing with its rule, where it is now."""
    from stackwire.trace.cli import tables

    found = _run(source.ask("lineage", resource))
    _show(found, as_json, lambda: [tables.lineage(found)])


@app.command()
@looking
def why(source: Source, key: Key, resource: Thing, as_json: AsJson = False) -> None:
    """How a property came to a resource; or, where it has none, which crossing lost it."""
    from stackwire.trace.cli import tables

    found = _run(source.ask("why", key, resource))
    _show(found, as_json, lambda: [tables.why(found)])


@app.command()
@looking
def where(source: Source, key: Key, as_json: AsJson = False) -> None:
    """Everything that has a property now, and who set it."""
    from stackwire.trace.cli import tables

    found = _run(source.ask("where", key))
    _show(found, as_json, lambda: [tables.where(found)])


@app.command()
@looking
def diff(source: Source, left: Thing, right: Thing, as_json: AsJson = False) -> None:
    """The properties of two resources beside each other."""
    from stackwire.trace.cli import tables

    found = _run(source.ask("diff", left, right))
    _show(found, as_json, lambda: [tables.diff(found)])


def _send(text: str, to: str) -> None:
    from stackwire.trace.backends.otlp_exporter import NotTaken, send

    try:
        print(f"stackwire: sent to {_run(send(text, to))}", file=sys.stderr)
    except NotTaken as error:
        _end(CannotTell(str(error)))


def _show(found: Answer, as_json: bool, tables: Callable[[], list[Any]]) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    from stackwire.trace.cli.tables import console

    out = console()
    for table in tables():
        out.print(table)
        out.print()


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was switched on is switched off again
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except CannotTell as error:
        _end(error)


def _end(error: CannotTell) -> Any:
    print(f"stackwire: {' '.join(str(error).split())}", file=sys.stderr)
    raise typer.Exit(error.code) from None
