"""The command. Each subcommand imports what it needs when it runs, so that ``--help`` is quick and ``up`` stays small.

Exit codes: 0 done (also after Ctrl-C: a graceful stop), 1 failed, 2 cannot start or a wrong option, with one line on
standard error, 130 interrupted before it was ready.
"""

import importlib
import importlib.util
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from stackwire.cloud.options import (
    EMBEDDED,
    INDEX_PORT,
    MEMORY,
    ORDER,
    PORTS,
    REGISTRY_PORT,
    TRACE_PORT,
    Options,
    cores,
)
from stackwire.cloud.version import print_version
from stackwire.core.settings import LogFormat

app = typer.Typer(
    name="stackwire", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
SUBCOMMAND_MODULES = {
    "demo": "stackwire.cloud.demo",
    "trace": "stackwire.trace.cli.commands",
    "bugs": "stackwire.cloud.bugs.cli",
    "faults": "stackwire.cloud.faults",
    "image": "stackwire.cloud.images",
    "state": "stackwire.cloud.states.commands",
    "reset": "stackwire.cloud.states.reset_command",
    "seed": "stackwire.cloud.states.seed_command",
    "properties": "stackwire.cloud.properties",
    "index": "stackwire.index.cli.commands",
    "compare": "stackwire.compare.cli",
    "doctor": "stackwire.cloud.doctor",
    "dead-letters": "stackwire.cloud.dead_letters",
}
"""Subcommands in modules of their own: each has a typer ``app``, imported when needed."""
EXTENSIONS = {"trace": "stackwire.cloud.compare_releases"}
"""Modules that add commands to such an app which need the whole cloud."""

DataDirOption = Annotated[
    Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the folder of this cloud")
]
PROCESSES = typer.Option(min=0, max=64, help="so many serve the same ports (needs RabbitMQ); 0: one for each processor")


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=print_version, is_eager=True)] = False,
) -> None:
    """OpenStack's image, volume and compute services in small, to see how image properties travel."""


@app.command()
def up(
    data_dir: DataDirOption = Path(".stackwire"),
    host: Annotated[str, typer.Option(envvar="STACKWIRE_HOST", help="address to listen on")] = "127.0.0.1",
    identity_port: Annotated[int, typer.Option(help="port of identity")] = PORTS["identity"],
    image_port: Annotated[int, typer.Option(help="port of image")] = PORTS["image"],
    volume_port: Annotated[int, typer.Option(help="port of volume")] = PORTS["volume"],
    compute_port: Annotated[int, typer.Option(help="port of compute")] = PORTS["compute"],
    registry_port: Annotated[int, typer.Option(help="port of glance-registry, up to ussuri")] = REGISTRY_PORT,
    trace_port: Annotated[int | None, typer.Option(help=f"the tracer's; 0: none [{TRACE_PORT}; on RabbitMQ 0]")] = None,
    index_port: Annotated[int, typer.Option(help=f"port of the index of properties ({INDEX_PORT}); 0 for none")] = 0,
    admin_port: Annotated[int, typer.Option(envvar="STACKWIRE_ADMIN_PORT", help="the admin port's; 0 for none")] = 0,
    admin_host: Annotated[str, typer.Option(envvar="STACKWIRE_ADMIN_HOST", help="its address")] = "127.0.0.1",
    database_url: Annotated[str, typer.Option(help="'embedded' or a PostgreSQL URL")] = EMBEDDED,
    amqp_url: Annotated[str, typer.Option(help="'memory' or a RabbitMQ URL")] = MEMORY,
    release: Annotated[str, typer.Option(help="the OpenStack release whose property rules apply")] = "current",
    with_bug: Annotated[list[str] | None, typer.Option(help="a bug to reintroduce: lp-NNNNNNN; repeatable")] = None,
    id_seed: Annotated[str | None, typer.Option(help="a text that decides the ids of resources")] = None,
    seed: Annotated[Path | None, typer.Option(help="YAML of what it is to have, before it is ready")] = None,
    preset: Annotated[str | None, typer.Option(help="what it is to have: empty, demo or busy")] = None,
    init_dir: Annotated[Path | None, typer.Option(help="of *.yaml and executable *.sh that run once")] = None,
    processes: Annotated[int, PROCESSES] = 1,
    log_format: Annotated[LogFormat, typer.Option(envvar="STACKWIRE_LOG_FORMAT", help="of the log")] = "text",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="run in the background")] = False,
) -> None:
    """Start the whole cloud; prints its URLs when it is ready. Ctrl-C stops it."""
    options = Options(
        data_dir=data_dir, host=host, registry_port=registry_port, index_port=index_port or None,
        ports={"identity": identity_port, "image": image_port, "volume": volume_port, "compute": compute_port},
        trace_port=(TRACE_PORT if amqp_url == MEMORY else None) if trace_port is None else trace_port or None,
        admin_port=admin_port or None, admin_host=admin_host, database_url=database_url, amqp_url=amqp_url,
        release=release, with_bugs=tuple(with_bug or ()), id_seed=id_seed, seed=seed, preset=preset,
        init_dir=init_dir, processes=cores(processes), log_format=log_format,
    )  # fmt: skip
    _start(options, detach)


def _start(options: Options, detach: bool) -> None:
    from stackwire.cloud import up as process

    run = process.up_detached if detach else process.up
    try:
        run(options, _print)
    except process.CannotStart as error:
        _fail(str(error))


@app.command()
def down(data_dir: DataDirOption = Path(".stackwire")) -> None:
    """Stop the cloud; its data stays. Does nothing when none runs."""
    from stackwire.cloud import up as process

    try:
        _print(process.down(data_dir))
    except process.CannotStart as error:
        _fail(str(error))


@app.command()
def status(
    data_dir: DataDirOption = Path(".stackwire"),
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Show the health of each service. Exit code 1 when the cloud does not run or a service is unhealthy."""
    from stackwire.cloud import up as process

    found = process.status(data_dir)
    if as_json:
        _print(json.dumps(found, indent=2))
    elif not found["running"]:
        _print(f"no cloud runs in {found['data_dir']}")
    else:
        rules = " ".join((found["release"], *(f"with {bug}" for bug in found["with_bugs"])))
        _print(f"process {found['pid']}, release {rules}, {found['database']} database, {found['bus']} bus")
        for name, service in found["services"].items():
            _print(f"  {name:<9} {service['url']:<28} {service['health']}")
    well = found["running"] and all(service["health"] == "ok" for service in found["services"].values())
    raise typer.Exit(0 if well else 1)


@app.command()
def logs(
    data_dir: DataDirOption = Path(".stackwire"),
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="number of lines")] = 100,
) -> None:
    """Show the last lines of a detached cloud's log."""
    from stackwire.cloud.datadir import DataDir

    path = DataDir(data_dir).log
    if not path.exists():
        _fail(f"there is no log in {path.parent}: 'stackwire up --detach' writes one")
    with path.open(errors="replace") as file:
        for line in deque(file, lines):
            _print(line.rstrip("\n"))


@app.command()
def guest(
    server: Annotated[str, typer.Argument(help="a server's id or name")], data_dir: DataDirOption = Path(".stackwire")
) -> None:
    """Show a server's guest definition: libvirt domain XML with its image properties."""
    from stackwire.cloud.guest import definition

    _print(_query(definition, data_dir, server))


@app.command()
def explain(
    properties: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="image properties or extra specs")],
    flavor: Annotated[str | None, typer.Option(help="a flavor of the running cloud, by name")] = None,
    data_dir: DataDirOption = Path(".stackwire"),
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Show what a property does: the guest XML it changes, the filters that read it, who refuses it."""
    from dataclasses import asdict

    from stackwire.cloud.guest import flavor_named
    from stackwire.compute.flows.explain import FLAVOR, in_words
    from stackwire.compute.flows.explain import explain as explained

    pairs = [text.partition("=") for text in properties]
    if wrong := [key for key, sign, _ in pairs if not (key and sign)]:
        _fail(f"{wrong[0]!r} is no KEY=VALUE")
    known = FLAVOR if flavor is None else _query(flavor_named, data_dir, flavor)
    found = [explained(key, value, known) for key, _, value in pairs]
    _print(json.dumps([asdict(each) for each in found], indent=2) if as_json else "\n".join(map(in_words, found)))


def _query(function: Callable[..., Coroutine[Any, Any, Any]], data_dir: Path, name: str) -> Any:
    """What the function says of the cloud that runs there."""
    import asyncio

    from stackwire.cloud.client import Refused

    try:
        return asyncio.run(function(_urls(data_dir), name))
    except (Refused, OSError) as error:
        _fail(str(error))


def _urls(data_dir: Path) -> dict[str, str]:
    from stackwire.cloud import up as process

    found = process.status(data_dir)
    if not found["running"]:
        _fail(f"no cloud runs in {found['data_dir']}")
    return {name: known["url"] for name, known in found["services"].items()}


@app.command()
def serve(
    service: Annotated[str, typer.Argument(help=f"{', '.join(ORDER)}, trace, index or admin")],
    role: Annotated[str, typer.Option(help="api, worker or all; of volume also backup, of image registry")] = "all",
    processes: Annotated[int, PROCESSES] = 1,
) -> None:
    """Run one service, or one role of it, in a process or in several; settings from the environment (STACKWIRE_...)."""
    from stackwire.cloud import serving

    try:
        serving.serve(service, role, cores(processes))
    except serving.NotServed as error:
        _fail(str(error))


# Some versions of typer vendor click; its base exception is found through one that typer exports.
_CLICK_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def main() -> None:
    """The program: a wrong option, or a file that cannot be read, is one line and exit code 2."""
    try:
        sys.exit(_run())
    except BrokenPipeError:  # the reader of the pipe exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _run() -> int:
    _attach(sys.argv[1:2])
    try:
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        if not isinstance(error, _CLICK_ERROR):
            raise
        message = error.format_message()  # type: ignore[attr-defined]  # typer vendors click without types
        if type(error).__name__ == "NoArgsIsHelpError":
            _print(message)
            return 0
        _fail(message)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _attach(words: list[str]) -> None:
    """Attaches the module of the command; all modules for the help."""
    requested = [name for name in SUBCOMMAND_MODULES if name in words] or (
        [] if words and words[0] in COMMANDS else list(SUBCOMMAND_MODULES)
    )
    for name in requested:
        if _exists(SUBCOMMAND_MODULES[name]):
            importlib.import_module(EXTENSIONS.get(name, SUBCOMMAND_MODULES[name]))
            app.add_typer(importlib.import_module(SUBCOMMAND_MODULES[name]).app, name=name)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its package
        return False


COMMANDS = ("--version", "up", "down", "status", "logs", "guest", "explain", "serve")


def _print(text: str) -> None:
    print(text, flush=True)


def _fail(message: str) -> NoReturn:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
