"""``stackwire index``: where a property is now, on which images, volumes, snapshots and servers, and since when."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import aiohttp
import typer

from stackwire.core.errors import ServiceError
from stackwire.http.command_login import token_of_cloud, token_of_environment

app = typer.Typer(
    name="index",
    help="Show where a property is, from an index that notifications keep true.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the running cloud's folder")]
Url = Annotated[
    str | None,
    typer.Option("--index-url", help="an index's own address; who asks it is in OS_TOKEN or OS_USERNAME, ..."),
]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]
FOLDER = Path(".stackwire")


class QueryError(Exception):
    """One line for standard error."""


@app.command()
def where(
    key: Annotated[str, typer.Argument(help="a property, with or without the prefix image_ of servers")],
    value: Annotated[str | None, typer.Option("--value", help="only where it has this value")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="image, volume, snapshot or server")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = FOLDER,
    index_url: Url = None,
) -> None:
    """Every resource that has a property now, with its value, and since when."""
    given = {name: text for name, text in (("value", value), ("kind", kind)) if text is not None}
    path = f"where/{quote(key, safe='')}" + (f"?{urlencode(given)}" if given else "")
    found = _request("GET", path, data_dir, index_url)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found["places"]:
        print(f"nothing has the property {key}")
    for each in found["places"]:
        resource = each["resource"]
        print(f"{resource['kind']:<9} {resource['id']}  {each['key']} = {each['value']}  since {each['since']}")


@app.command()
def status(data_dir: DataDir = FOLDER, index_url: Url = None, as_json: AsJson = False) -> None:
    """What is indexed, what became of the notifications, and when everything was read last."""
    _show(_request("GET", "status", data_dir, index_url), as_json)


@app.command()
def rebuild(data_dir: DataDir = FOLDER, index_url: Url = None, as_json: AsJson = False) -> None:
    """Read everything from the services again."""
    _show(_request("POST", "rebuild", data_dir, index_url), as_json)


def _show(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        items = value.items() if isinstance(value, Mapping) else [("", value)]
        print(f"{name}: {', '.join(f'{key} {each}'.strip() for key, each in items)}")


def _request(method: str, path: str, data_dir: Path, index_url: str | None) -> dict[str, Any]:
    try:
        return asyncio.run(_answer(method, path, data_dir, index_url))
    except (QueryError, ServiceError) as error:
        typer.echo(f"stackwire: {error}", err=True)
        raise typer.Exit(2) from None


async def _answer(method: str, path: str, data_dir: Path, index_url: str | None) -> dict[str, Any]:
    """Of the data directory's cloud as its administrator, of another index as the environment says."""
    url = f"{index_url.rstrip('/') if index_url else _address(data_dir)}/{path}"
    token = await (token_of_environment(os.environ) if index_url else token_of_cloud(data_dir))
    try:
        timeout = aiohttp.ClientTimeout(total=600)
        async with (
            aiohttp.ClientSession(timeout=timeout, headers={"X-Auth-Token": token}) as session,
            session.request(method, url) as response,
        ):
            document = await response.json()
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise QueryError(f"no index answers at {url}: {error}") from error
    if response.status != 200:
        raise QueryError(str(document.get("error", {}).get("message", response.status)))
    return dict(document)


def _address(data_dir: Path) -> str:
    try:
        return str(json.loads((data_dir / "cloud.json").read_text())["services"]["index"])
    except FileNotFoundError as error:
        raise QueryError(f"no cloud runs in {data_dir}: start one (stackwire up), or give --index-url") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QueryError(f"the cloud in {data_dir} runs without an index (--index-port)") from error
