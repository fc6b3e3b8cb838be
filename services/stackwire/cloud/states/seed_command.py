"""``stackwire seed``: what a file says a running cloud is to have."""

from pathlib import Path
from typing import Annotated

import typer

from stackwire.cloud.states.commands import HERE, DataDirOption, fail, refusals, requested
from stackwire.cloud.states.seed_document import read_seed_file

app = typer.Typer(
    name="seed",
    help="Create in a running cloud what a file says, unless it is there.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def seed(
    file: Annotated[
        Path | None, typer.Argument(help="YAML: projects, users, flavors, images, volumes, servers, ...")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="instead of a file: empty, demo or busy")] = None,
    count: Annotated[int | None, typer.Option(help="of each kind in busy [default: 10000]")] = None,
    data_dir: DataDirOption = HERE,
) -> None:
    """Create in a running cloud what a file or a preset says, unless it is there."""
    if (file is None) == (preset is None):
        fail("give a file, or --preset")
    if file is not None:
        with refusals():
            document = read_seed_file(file)
        answer = requested(data_dir, "POST", "/seed", document.model_dump(exclude_defaults=True))
    else:
        answer = requested(
            data_dir, "POST", "/seed/preset", {"name": preset, **({} if count is None else {"count": count})}
        )
    created = answer["created"]
    print(", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in created.items()) or "nothing is new")
