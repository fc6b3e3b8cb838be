"""``stackwire doctor``: looks for what is missing or wrong, and says what to do. Exit code 1 for a problem."""

import asyncio
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stackwire.cloud.options import EMBEDDED, MEMORY, PORTS, TRACE_PORT

app = typer.Typer(name="doctor", help="Find what is missing or wrong.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def doctor(
    data_dir: Annotated[
        Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the folder of a cloud, or for one")
    ] = Path(".stackwire"),
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    database_url: Annotated[
        str, typer.Option(envvar="STACKWIRE_DATABASE_URL", help="'embedded' or a PostgreSQL URL")
    ] = EMBEDDED,
    amqp_url: Annotated[str, typer.Option(envvar="STACKWIRE_AMQP_URL", help="'memory' or a RabbitMQ URL")] = MEMORY,
    port: Annotated[list[int] | None, typer.Option(help="a port to be free; repeatable [default: all of up]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Find what is missing or wrong on this machine, or with the cloud that runs: each with a remedy."""
    from stackwire.cloud.diagnosis import Finding, Subject, findings, host_of

    logging.disable(logging.CRITICAL)  # what is found is said once, below
    ports = {**PORTS, "trace": TRACE_PORT} if port is None else {f"port {each}": each for each in port}
    subject = Subject(data_dir, host_of(host), ports, database_url, amqp_url)

    async def look() -> list[Finding]:
        found = []
        async for finding in findings(subject):
            found.append(finding)
            if not as_json:
                print(f"{finding.severity:<8} {finding.check:<15} {finding.text}", flush=True)
                if finding.remedy:
                    print(f"{'':<24} -> {finding.remedy}", flush=True)
        return found

    found = asyncio.run(look())
    if as_json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    raise typer.Exit(1 if any(finding.severity == "problem" for finding in found) else 0)
