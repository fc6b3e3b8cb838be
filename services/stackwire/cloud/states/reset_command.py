"""``stackwire reset``: a running cloud back to its beginning."""

import typer

from stackwire.cloud.states.commands import HERE, DataDirOption, requested

app = typer.Typer(
    name="reset",
    help="Let a running cloud be as it was at its beginning.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def reset(data_dir: DataDirOption = HERE) -> None:
    """Let a running cloud be as it was at its beginning: what it is doing ends, what was created is not there."""
    requested(data_dir, "POST", "/reset", {})
