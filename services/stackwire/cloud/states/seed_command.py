"""``stackwire seed``: what a file says a running cloud is to have."""

from pathlib import Path
from typing import Annotated

import typer

from stackwire.cloud.states.commands import HERE, DataDirOption, refusals, requested
from stackwire.cloud.states.seed_document import read_seed_file

app = typer.Typer(
    name="seed",
    help="Create in a running cloud what a file says, unless it is there.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def seed(
    file: Annotated[Path, typer.Argument(help="YAML: projects, users, flavors, images, volumes, servers, ...")],
    data_dir: DataDirOption = HERE,
) -> None:
    """Create in a running cloud what a file says, unless it is there."""
    with refusals():
        document = read_seed_file(file)
    created = requested(data_dir, "POST", "/seed", document.model_dump(exclude_defaults=True))["created"]
    print(", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in created.items()) or "nothing is new")
