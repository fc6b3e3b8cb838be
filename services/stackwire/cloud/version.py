"""The version of this package."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import typer


def version() -> str:
    """As it is installed."""
    try:
        return installed("stackwire")
    except PackageNotFoundError:  # run from its source
        return "unknown"


def print_version(wanted: bool) -> None:
    """``stackwire --version``."""
    if wanted:
        print(f"stackwire {version()}")
        raise typer.Exit
