"""The names users depend on: a change here is a change for them, and belongs into CHANGELOG.md."""

import importlib
import tomllib
from pathlib import Path

import typer.main

from stackwire import testing
from stackwire.cloud import cli
from stackwire.contracts.schema import modules
from stackwire.testing import plugin

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def subcommands(module: str) -> list[str]:
    group = typer.main.get_group(importlib.import_module(module).app)
    return sorted(group.commands)


def test_what_stackwire_testing_exports() -> None:
    assert sorted(testing.__all__) == [
        "AdminClient", "AdminError", "Answer", "Bus", "Clock", "Cloud", "Fault", "Faults", "Lineage", "Message",
        "NotExpected", "Pace", "StackwireContainer", "StandIn", "Story", "SubprocessCloud", "Trace",
    ]  # fmt: skip
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_the_pytest_plugin_and_its_fixtures() -> None:
    assert PROJECT["entry-points"]["pytest11"] == {"stackwire": "stackwire.testing.plugin"}
    names = ("stackwire_cloud", "stackwire", "os_conn", "trace", "bus", "faults", "clock", "pace")
    assert all(callable(getattr(plugin, name)) for name in names)


def test_the_commands() -> None:
    assert PROJECT["scripts"] == {"stackwire": "stackwire.cloud.__main__:main"}
    assert cli.COMMANDS == ("--version", "up", "down", "status", "logs", "guest", "explain", "serve")
    assert sorted(cli.SUBCOMMAND_MODULES) == [
        "bugs", "compare", "dead-letters", "demo", "doctor", "faults", "image", "index", "properties", "reset", "seed",
        "state", "trace",
    ]  # fmt: skip
    assert subcommands("stackwire.cloud.bugs.cli") == ["list", "run", "show"]
    assert subcommands("stackwire.cloud.dead_letters") == ["list", "resend"]
    assert subcommands("stackwire.cloud.images") == ["restore"]
    assert subcommands("stackwire.cloud.properties") == ["show"]
    assert subcommands("stackwire.index.cli.commands") == ["rebuild", "status", "where"]


def test_the_modules_of_the_protocol() -> None:
    """Their messages are in tests/contract/protocol, field by field."""
    assert modules() == [
        "compute", "compute_guests", "compute_moves", "compute_set_aside", "compute_workers", "events_backup",
        "events_compute", "events_groups", "events_hosts", "events_image", "events_versioned", "events_volume",
        "faults", "http_exchange", "identity", "image", "image_workers", "lineage", "properties", "scheduling",
        "volume", "volume_moves", "volume_workers",
    ]  # fmt: skip
