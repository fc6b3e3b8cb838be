"""``stackwire trace between A B``: the same journey under two releases, and the differences in properties."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stackwire.trace.cli.commands import app

Release = Annotated[str, typer.Argument(help="an OpenStack release, or current")]


@app.command()
def between(
    one: Release, other: Release, as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False
) -> None:
    """Run the journey of an image's properties under two releases, and compare the properties."""
    from stackwire.cloud.client import Refused
    from stackwire.cloud.postgres import PostgresError
    from stackwire.core.behaviours import release_named
    from stackwire.runtime.main import STARTUP_ERRORS, run, startup_error_text

    try:
        releases = release_named(one), release_named(other)
        run(lambda: _show(*releases, as_json))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except (Refused, PostgresError, *STARTUP_ERRORS) as error:
        print(f"stackwire: {' '.join(startup_error_text(error).split())}", file=sys.stderr)
        raise typer.Exit(2) from None


async def _show(one: str, other: str, as_json: bool) -> None:
    from stackwire.cloud import demo_cloud, demo_report, disk
    from stackwire.trace.cli.tables import console

    async with demo_cloud.workplace() as folder, demo_cloud.postgres(folder) as server:
        source = disk.write(folder / "disk.img", size=4 * disk.MEBIBYTE)
        second = disk.write(folder / "other.img", size=4 * disk.MEBIBYTE)
        records = [await _record(server, folder, release, source, second) for release in (one, other)]
    found = demo_report.differences(*records)
    if as_json:
        differences = [{"at": each.label, "key": each.key, one: each.then, other: each.today} for each in found]
        print(json.dumps({"releases": [one, other], "differences": differences}, ensure_ascii=False, indent=2))
        return
    demo_report.show_differences(console(), found, one, other)


async def _record(server: Any, folder: Path, release: str, source: Path, second: Path) -> Any:
    """The record of one release; sequentially, since two clouds at once would only share the processors."""
    from stackwire.cloud import demo, demo_cloud

    name = f"under_{release.replace('.', '_')}_{len(list(folder.iterdir()))}"
    async with demo_cloud.running(server, folder, name, release) as (cloud, store):
        return await demo.journey(cloud, store, demo.Quiet(), source, "raw", second, whole=False)
