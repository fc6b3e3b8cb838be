"""``stackwire bugs``: the museum. ``list`` what there is, ``show`` one, ``run`` one in two clouds."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="bugs",
    help="Old bugs of property travel: what each did, and the same steps with it and without.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Bug = Annotated[str, typer.Argument(help="a bug's name, as lp-1893618")]


@app.command("list")
def list_() -> None:
    """Every bug there is."""
    from rich.table import Table
    from rich.text import Text

    from stackwire.cloud.museum.exhibits import EXHIBITS
    from stackwire.trace.cli.tables import console

    table = Table(box=None)
    for heading in ("bug", "service", "had by releases", "what was learnt"):
        table.add_column(heading, overflow="fold")
    for exhibit in EXHIBITS.values():
        behaviour = exhibit.behaviour
        table.add_row(Text(exhibit.bug, "bold"), behaviour.service, exhibit.had_by, behaviour.summary)
    console().print(table)


@app.command()
def show(bug: Bug) -> None:
    """What one bug did, and where it is told of."""
    exhibit = _found(bug)
    behaviour = exhibit.behaviour
    print(f"{exhibit.bug}: {behaviour.summary}")
    print(f"  {exhibit.story} {exhibit.asks.capitalize()}")
    print(f"  with the bug:  {exhibit.then!r}")
    print(f"  without:       {exhibit.now!r}")
    print(f"  service:       {behaviour.service}, {exhibit.had_by}")
    print(f"  source:        {behaviour.source}")
    if exhibit.link:
        print(f"  link:          {exhibit.link}")
    print(f"  try it:        stackwire bugs run {exhibit.bug}; stackwire up --with-bug {exhibit.bug}")


@app.command()
def run(
    bugs: Annotated[list[str] | None, typer.Argument(help="names of bugs; none for all")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, with both lineages")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="a folder to write a page for each bug into")] = None,
) -> None:
    """The steps of a bug in a cloud that has it and in one that has not. Exit code 1 when it is not as told."""
    from stackwire.cloud.client import Refused
    from stackwire.cloud.museum.exhibits import EXHIBITS
    from stackwire.cloud.postgres import PostgresError
    from stackwire.runtime.main import STARTUP_ERRORS, startup_error_text
    from stackwire.runtime.main import run as loop

    logging.disable(logging.WARNING)  # what goes wrong in there is what is shown
    exhibits = [_found(bug) for bug in bugs] if bugs else list(EXHIBITS.values())
    told: list[bool] = []
    try:
        if html is not None:
            html.mkdir(parents=True, exist_ok=True)
        loop(lambda: _run(exhibits, as_json, html, told))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (Refused, PostgresError, *STARTUP_ERRORS) as error:
        _fail(startup_error_text(error))
    raise typer.Exit(0 if all(told) else 1)


async def _run(exhibits: "Sequence[Any]", as_json: bool, html: Path | None, told: list[bool]) -> None:
    from stackwire.cloud import demo_cloud
    from stackwire.cloud.museum import page, tour

    async with demo_cloud.workplace() as folder, demo_cloud.postgres(folder) as server:
        for exhibit in exhibits:
            shown = await tour.show(exhibit, server, folder)
            told.append(shown.as_told)
            if html is not None:
                (html / f"{exhibit.bug}.html").write_text(page.page(shown))
            if as_json:
                print(json.dumps(shown.as_json(), ensure_ascii=False), flush=True)
                continue
            print(f"{exhibit.bug}: {exhibit.asks}")
            print(f"  with the bug: {shown.then.outcome!r}")
            print(f"  without:      {shown.now.outcome!r}{'' if shown.as_told else '   NOT AS TOLD'}", flush=True)
            await asyncio.sleep(0)


def _found(bug: str) -> Any:
    from stackwire.cloud.museum.exhibits import EXHIBITS

    if bug not in EXHIBITS:
        _fail(f"there is no bug {bug!r}: {', '.join(sorted(EXHIBITS))}")
    return EXHIBITS[bug]


def _fail(message: str) -> Any:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(2)
