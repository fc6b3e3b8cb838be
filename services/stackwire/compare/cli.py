"""``stackwire compare --cloud A --cloud B``: what differs between two clouds of ``clouds.yaml``.

Exit codes: 0 equal, 1 they differ, 2 one of them cannot be compared, with one line on standard error.
"""

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stackwire.compare.comparison import Case, Cloud
    from stackwire.compare.request import Request

app = typer.Typer(
    name="compare",
    help="Ask two clouds the same, and print what differs.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Form(enum.StrEnum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


@app.callback(invoke_without_command=True)
def compare(
    cloud: Annotated[list[str], typer.Option(help="a cloud of clouds.yaml; twice")],
    table: Annotated[list[str] | None, typer.Option(help="a request of the tables, as servers.*; repeatable")] = None,
    journey: Annotated[bool, typer.Option("--journey", help="the journey, and no table unless named")] = False,
    form: Annotated[Form, typer.Option("-F", "--form", help="how the result is written")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="a file instead of standard output")] = None,
    amqp_url_a: Annotated[str, typer.Option(help="the first cloud's broker: notifications are compared too")] = "",
    amqp_url_b: Annotated[str, typer.Option(help="the second cloud's broker")] = "",
) -> None:
    """Run a journey of images, volumes and servers, and the tables of odd requests, against two clouds."""
    import asyncio

    from stackwire.compare import report
    from stackwire.compare.clouds import admin_of, credentials_of
    from stackwire.compare.comparison import Cloud
    from stackwire.compare.session import Unusable

    if len(cloud) != 2:
        raise _unusable(f"--cloud names two clouds, not {len(cloud)}")
    if bool(amqp_url_a) != bool(amqp_url_b):
        raise _unusable("notifications are compared where both brokers are named: --amqp-url-a and --amqp-url-b")
    try:
        requests = _requests(table or ([] if journey else ["*"]))
        urls = (amqp_url_a, amqp_url_b)
        clouds = [Cloud(credentials_of(name), admin_of(name), url) for name, url in zip(cloud, urls, strict=True)]
        cases = asyncio.run(_compare(clouds[0], clouds[1], requests, journey or not table))
    except (Unusable, OSError) as error:
        raise _unusable(str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    written = {Form.TEXT: report.as_text, Form.JSON: report.as_json, Form.JUNIT: report.as_junit}[form](
        cloud[0], cloud[1], cases
    )
    if output is None:
        sys.stdout.write(written)
    else:
        output.write_text(written)
    raise typer.Exit(1 if any(case.differences for case in cases) else 0)


def _unusable(message: str) -> typer.Exit:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    return typer.Exit(2)


def _requests(patterns: list[str]) -> "list[Request]":
    """The requests that the patterns name. Raises Unusable for a pattern that names none."""
    from fnmatch import fnmatch

    from stackwire.compare.session import Unusable
    from stackwire.compare.tables import all_requests

    known = all_requests()
    found = [request for name, request in known.items() if any(fnmatch(name, pattern) for pattern in patterns)]
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in known):
            raise Unusable(f"no table has a request {pattern!r}, but {', '.join(known)}")
    return found


async def _compare(a: "Cloud", b: "Cloud", requests: "list[Request]", with_journey: bool) -> "list[Case]":
    from stackwire.compare import comparison

    cases: list[Case] = []

    def on_case(case: "Case") -> None:
        cases.append(case)
        if sys.stderr.isatty():
            print(f"{case.part} {case.name}: {len(case.differences)}", file=sys.stderr)

    async with comparison.both(a, b) as sides:
        if with_journey:
            await comparison.journeys(*sides, on_case)
        await comparison.tables(*sides, requests, on_case)
    return cases
