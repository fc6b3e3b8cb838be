"""``stackwire properties``: what the metadata definitions say of a resource's properties."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    name="properties",
    help="What the metadata definitions say of properties.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def properties() -> None:
    """What the metadata definitions say of properties."""


@app.command()
def show(
    kind: Annotated[str, typer.Argument(metavar="image|flavor|aggregate|volume")],
    ident: Annotated[str, typer.Argument(metavar="ID", help="its id or name")],
    data_dir: Annotated[
        Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the running cloud's folder")
    ] = Path(".stackwire"),
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Show each property with its definition, and what is out of its range."""
    from stackwire.cloud import up as process
    from stackwire.cloud.answers import PropertyAnswers, in_words
    from stackwire.core.errors import ServiceError

    found = process.status(data_dir)
    if not found["running"]:
        _fail(f"no cloud runs in {found['data_dir']}")
    urls = {name: known["url"] for name, known in found["services"].items()}
    try:
        answer = asyncio.run(PropertyAnswers(urls).defined(kind, ident))
    except ServiceError as error:
        _fail(error.message)
    print(json.dumps(answer, indent=2) if as_json else in_words(answer))


def _fail(message: str) -> NoReturn:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
