"""``stackwire faults``: fault rules of a running cloud, through its admin port."""

import fnmatch
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

import typer

from stackwire.cloud.admin_client import AdminClient, AdminError
from stackwire.cloud.datadir import DataDir

app = typer.Typer(name="faults", help="Inject faults into a running cloud.", no_args_is_help=True)

DataDirOption = Annotated[
    Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the folder of the cloud, with its token")
]
UrlOption = Annotated[
    str, typer.Option("--admin-url", help="of an admin port that is a process of its own (stackwire serve admin)")
]
JsonOption = Annotated[bool, typer.Option("--json", help="as JSON")]
HERE = Path(".stackwire")


@app.command("list")
def list_faults(data_dir: DataDirOption = HERE, admin_url: UrlOption = "", as_json: JsonOption = False) -> None:
    """Show the rules that are set, and how often each has happened."""
    found = _requested(data_dir, admin_url, "GET", "/faults")["faults"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for fault in found:
        print(_line(fault))
    if not found:
        print("no faults are set")


@app.command()
def kinds(data_dir: DataDirOption = HERE, admin_url: UrlOption = "", as_json: JsonOption = False) -> None:
    """Show every kind of fault, with its parameters and what it matches."""
    found = _requested(data_dir, admin_url, "GET", "/faults/kinds")["kinds"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for kind in found:
        print(f"{kind['kind']:<15} {kind['summary']}")
        needs = f"needs {', '.join(kind['needs'])}; " if kind["needs"] else ""
        print(f"{'':<15} {needs}may have {', '.join(kind['may'])}; matches {', '.join(kind['match'])}")


@app.command()
def add(
    kind: Annotated[str, typer.Argument(help="as 'stackwire faults kinds' lists them")],
    match: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="what it happens to")] = None,
    count: Annotated[int | None, typer.Option(help="how often at most")] = None,
    expires_in: Annotated[float | None, typer.Option(help="for how many seconds")] = None,
    status: Annotated[int | None, typer.Option(help="of HTTP: 400 to 599")] = None,
    message: Annotated[str | None, typer.Option(help="of the error")] = None,
    seconds: Annotated[float | None, typer.Option(help="how long")] = None,
    after_bytes: Annotated[int | None, typer.Option(help="of the response's body")] = None,
    point: Annotated[str | None, typer.Option(help="after_commit:create_volume, for instance")] = None,
    data_dir: DataDirOption = HERE,
    admin_url: UrlOption = "",
) -> None:
    """Set a rule."""
    pairs = [text.partition("=") for text in match or ()]
    if wrong := [key for key, sign, value in pairs if not (key and sign and value)]:
        _fail(f"{wrong[0]!r} is no KEY=VALUE")
    given = {"count": count, "expires_in": expires_in, "status": status, "message": message, "seconds": seconds}
    given |= {"after_bytes": after_bytes, "point": point}
    fields = {name: value for name, value in given.items() if value is not None}
    matched = {key: value for key, _, value in pairs}
    rule = {"kind": kind, "match": matched, **fields}
    answer = _requested(data_dir, admin_url, "POST", "/faults", rule)
    print(_line(answer["fault"]))
    _warn(matched.get("service"), answer["obeyed_by"])


def _warn(service: str | None, obeyed_by: list[str]) -> None:
    """Of a rule that can happen to nobody."""
    if not (fnmatch.filter(obeyed_by, service) if service else obeyed_by):
        whom = f"no process of {service}" if service else "no process"
        print(f"{whom} obeys faults yet: start it with STACKWIRE_FAULT_INJECTION=true", file=sys.stderr)


@app.command()
def remove(
    id: Annotated[str, typer.Argument(help="of the rule")], data_dir: DataDirOption = HERE, admin_url: UrlOption = ""
) -> None:
    """Remove one rule: what it holds up continues."""
    _requested(data_dir, admin_url, "DELETE", f"/faults/{quote(id, safe='')}")


@app.command()
def clear(data_dir: DataDirOption = HERE, admin_url: UrlOption = "") -> None:
    """Remove all rules."""
    _requested(data_dir, admin_url, "DELETE", "/faults")


def _requested(data_dir: Path, admin_url: str, method: str, path: str, body: Any = None) -> Any:
    directory = DataDir(data_dir)
    url = admin_url or ((directory.state() or {}).get("admin_url") if directory.is_taken() else None)
    if not url:
        _fail(f"no cloud with an admin port runs in {directory.path} (stackwire up --admin-port N)")
    try:
        with closing(AdminClient(url, directory.admin_token)) as admin:
            return admin.request(method, path, body)
    except AdminError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or url}: {error.strerror or error}")


def _line(fault: dict[str, Any]) -> str:
    known = ("id", "state", "hits", "kind", "match", "count", "remaining_seconds", "expires_in")
    words = [f"{key}={value}" for key, value in fault.get("match", {}).items()]
    words += [f"{key}={value}" for key, value in fault.items() if key not in known]
    often = f"{fault['hits']} of {fault['count']}" if "count" in fault else f"{fault['hits']}"
    ends = f", {fault['remaining_seconds']:.0f} s remain" if "remaining_seconds" in fault else ""
    return f"{fault['id']}  {fault['kind']:<15} {fault['state']:<8} happened {often}{ends}  {' '.join(words)}".rstrip()


def _fail(message: str) -> NoReturn:
    print(f"stackwire: {message}", file=sys.stderr)
    sys.exit(2)
