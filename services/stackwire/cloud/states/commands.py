"""``stackwire state``: what a cloud is, saved under a name; files of states for other machines."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

import typer

from stackwire.cloud.admin_client import AdminClient, AdminError
from stackwire.cloud.datadir import DataDir
from stackwire.cloud.states.folder import StateFolder
from stackwire.core.errors import ServiceError

app = typer.Typer(
    name="state",
    help="Save what a cloud is, and go back to it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
STATE_TIMEOUT_SECONDS = 600.0
DataDirOption = Annotated[
    Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the folder of the cloud, with its token")
]
NameArgument = Annotated[str, typer.Argument(help="of the state")]
HERE = Path(".stackwire")


@app.command()
def save(
    name: NameArgument,
    replace: Annotated[bool, typer.Option("--replace", help="a state of this name may go")] = False,
    data_dir: DataDirOption = HERE,
) -> None:
    """Save what the running cloud is, when its work is done."""
    found = requested(data_dir, "POST", "/states", {"name": name, "replace": replace})["state"]
    print(_line(found))


@app.command()
def load(name: NameArgument, data_dir: DataDirOption = HERE) -> None:
    """Let the running cloud be as it was saved; what it is doing ends."""
    print(_line(requested(data_dir, "POST", f"/states/{quote(name, safe='')}/load")["state"]))


@app.command("list")
def list_states(
    data_dir: DataDirOption = HERE, as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False
) -> None:
    """Show the saved states."""
    found = _folder(data_dir).manifests()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for state in found:
        print(_line(state))
    if not found:
        print("no states are saved")


@app.command()
def delete(name: NameArgument, data_dir: DataDirOption = HERE) -> None:
    """Delete a saved state."""
    with refusals():
        _folder(data_dir).delete(name)


@app.command("export")
def export_state(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="to write: a tar, packed where it ends in .gz")],
    data_dir: DataDirOption = HERE,
) -> None:
    """Write a saved state into a file, for another machine."""
    with refusals():
        _folder(data_dir).export_file(name, file)


@app.command("import")
def import_state(
    file: Annotated[Path, typer.Argument(help="that 'stackwire state export' has written")],
    name: Annotated[str | None, typer.Option(help="of the state, where another is wanted")] = None,
    data_dir: DataDirOption = HERE,
) -> None:
    """Read a state from a file; 'stackwire state load' loads it then."""
    with refusals():
        print(_folder(data_dir).import_file(file, name))


def requested(data_dir: Path, method: str, path: str, body: Any = None) -> Any:
    """The answer of the cloud's admin port; a refusal is one line, and the end."""
    directory = DataDir(data_dir)
    url = (directory.state() or {}).get("admin_url") if directory.is_taken() else None
    if not url:
        fail(f"no cloud with an admin port runs in {directory.path} (stackwire up --admin-port N)")
    try:
        return AdminClient(url, directory.admin_token).request(method, path, body, timeout=STATE_TIMEOUT_SECONDS)
    except AdminError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or url}: {error.strerror or error}")


@contextmanager
def refusals() -> Iterator[None]:
    """An error is one line, and the end."""
    try:
        yield
    except ServiceError as error:
        fail(error.message)


def fail(message: str) -> NoReturn:
    """Ends the program."""
    print(f"stackwire: {message}", file=sys.stderr)
    sys.exit(2)


def _folder(data_dir: Path) -> StateFolder:
    return StateFolder(DataDir(data_dir).states)


def _line(state: dict[str, Any]) -> str:
    rows = state["rows"]
    counts = [
        f"{rows.get(service, {}).get(table, 0)} {noun}"
        for service, table, noun in (
            ("image", "images", "images"),
            ("volume", "volumes", "volumes"),
            ("compute", "instances", "servers"),
        )
    ]
    return f"{state['name']}  saved {state['saved_at']} by {state['version']}: {', '.join(counts)} (deleted ones too)"
