"""``stackwire bugs``: list the old bugs, show one, run its scenario with and without it."""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="bugs",
    help="Old bugs of property travel: what each did, and the same steps with and without it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Bug = Annotated[str, typer.Argument(help="a bug's name, as lp-1893618")]


@app.command("list")
def list_() -> None:
    """List all bugs."""
    from rich.table import Table
    from rich.text import Text

    from stackwire.cloud.bugs.scenarios import SCENARIOS
    from stackwire.trace.cli.tables import console

    table = Table(box=None)
    for heading in ("bug", "service", "affected releases", "behaviour since"):
        table.add_column(heading, overflow="fold")
    for scenario in SCENARIOS.values():
        behaviour = scenario.behaviour
        table.add_row(Text(scenario.bug, "bold"), behaviour.service, scenario.affected_releases, behaviour.summary)
    console().print(table)


@app.command()
def show(bug: Bug, as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """A bug's page: what was wrong, who learnt it when, how to see it, the messages with and without it."""
    from stackwire.cloud.bugs.views import page_lines, view

    scenario = _found(bug)
    print(_as_json(view(scenario)) if as_json else "\n".join(page_lines(scenario)), end="" if as_json else "\n")


@app.command()
def run(
    bugs: Annotated[list[str] | None, typer.Argument(help="names of bugs; none for all")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, with both lineages")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="a folder to write a page for each bug into")] = None,
    diagrams: Annotated[Path | None, typer.Option("--diagrams", help="a folder for each bug's page, as JSON")] = None,
) -> None:
    """Run the steps of a bug in a cloud with it and in one without. Exit code 1 for an unexpected outcome."""
    from stackwire.cloud.bugs.scenarios import SCENARIOS
    from stackwire.cloud.client import Refused
    from stackwire.cloud.postgres import PostgresError
    from stackwire.runtime.main import STARTUP_ERRORS, startup_error_text
    from stackwire.runtime.main import run as loop

    logging.disable(logging.WARNING)  # failures are part of the result
    scenarios = [_found(bug) for bug in bugs] if bugs else list(SCENARIOS.values())
    expected: list[bool] = []
    try:
        for folder in filter(None, (html, diagrams)):
            folder.mkdir(parents=True, exist_ok=True)
        loop(lambda: _run(scenarios, as_json, html, diagrams, expected))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (Refused, PostgresError, *STARTUP_ERRORS) as error:
        _fail(startup_error_text(error))
    raise typer.Exit(0 if all(expected) else 1)


async def _run(
    scenarios: "Sequence[Any]", as_json: bool, html: Path | None, diagrams: Path | None, expected: list[bool]
) -> None:
    from stackwire.cloud import demo_cloud
    from stackwire.cloud.bugs import page, runner
    from stackwire.cloud.bugs.views import view

    async with demo_cloud.workplace() as folder, demo_cloud.postgres(folder) as server:
        for scenario in scenarios:
            result = await runner.run_scenario(scenario, server, folder)
            expected.append(result.as_expected)
            if html is not None:
                (html / f"{scenario.bug}.html").write_text(page.page(result))
            if diagrams is not None:
                both = {"with_bug": result.with_bug.arrows, "without_bug": result.without_bug.arrows}
                (diagrams / f"{scenario.bug}.json").write_text(_as_json(view(scenario, both)))
            if as_json:
                print(json.dumps(result.as_json(), ensure_ascii=False), flush=True)
                continue
            print(f"{scenario.bug}: {scenario.question}")
            print(f"  with the bug: {result.with_bug.outcome!r}")
            print(
                f"  without:      {result.without_bug.outcome!r}{'' if result.as_expected else '   NOT AS EXPECTED'}",
                flush=True,
            )
            await asyncio.sleep(0)


def _as_json(page: "Mapping[str, Any]") -> str:
    return json.dumps(page, ensure_ascii=False, indent=1) + "\n"


def _found(bug: str) -> Any:
    from stackwire.cloud.bugs.scenarios import SCENARIOS
    from stackwire.cloud.bugs.views import found

    return found(bug) or _fail(f"there is no bug {bug!r}: {', '.join(sorted(SCENARIOS))}")


def _fail(message: str) -> Any:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    raise typer.Exit(2)
