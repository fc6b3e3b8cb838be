"""``stackwire image``: operators' commands on the image service's database."""

import asyncio
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    name="image",
    help="Operators' commands for images that are not in the API.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def image() -> None:
    """Operators' commands for images that are not in the API."""


@app.command()
def restore(
    image_id: Annotated[str, typer.Argument(metavar="ID", help="of a deleted image in status pending_delete")],
    data_dir: Annotated[
        Path, typer.Option("--data-dir", envvar="STACKWIRE_DATA_DIR", help="the running cloud's folder")
    ] = Path(".stackwire"),
    database_url: Annotated[
        str,
        typer.Option(envvar="STACKWIRE_DATABASE_URL", help="the image service's PostgreSQL [default: the cloud's own]"),
    ] = "",
) -> None:
    """Restore a deleted image, before the scrubber removes its data (Glance's `glance-scrubber --restore`)."""
    from stackwire.core.errors import ServiceError
    from stackwire.db.bootstrap import as_role
    from stackwire.db.migrate import MigrationError

    dsn = as_role(database_url, "image") if database_url else _embedded(data_dir)
    try:
        asyncio.run(_restore(dsn, image_id))
    except (ServiceError, MigrationError, OSError) as error:
        _fail(str(error))
    print(f"the image {image_id} is active again")


async def _restore(dsn: str, image_id: str) -> None:
    from stackwire.core.ids import canonical_uuid
    from stackwire.db.pool import Database
    from stackwire.image.flows.worker.scrub import restore

    migrations = files("stackwire.image") / "db" / "migrations"
    database = await Database.open(dsn, schema="image", migrations=migrations, max_size=1)
    try:
        await restore(database, canonical_uuid(image_id) or image_id)
    finally:
        await database.close()


def _embedded(data_dir: Path) -> str:
    """The URL of the running cloud's own database."""
    from stackwire.cloud.datadir import DataDir
    from stackwire.cloud.postgres import EmbeddedPostgres

    directory = DataDir(data_dir)
    state = directory.state() if directory.is_taken() else None
    if state is None:
        _fail(f"no cloud runs in {directory.path}")
    if state["database"] != "embedded":
        _fail("the cloud's database is external: give --database-url")
    return EmbeddedPostgres(directory.path).dsn("image")


def _fail(message: str) -> NoReturn:
    print(f"stackwire: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
