"""Fixtures for every tier, each set up only when a test requests it; which tests are left out, and why."""

import gc
import os
import re

import pytest

from support.paired import IS_PAIRED

pytest_plugins = [f"support.{name}" for name in ("postgres", "rabbitmq", "cloud", "s3", "swift", "ceph", "stores")]
re._MAXCACHE = 4096  # type: ignore[attr-defined]  # the routes of a cloud have 776 patterns, compiled anew for each cloud
SERVERS = frozenset({"postgres_server", "rabbitmq", "s3_endpoint", "strict_s3_endpoint", "swift_storage", "ceph"})
"""Fixtures that start or look for a server; every other fixture that needs one requests one of these."""
OPENSTACK_PYTHON = os.environ.get("OPENSTACK_PYTHON", "")
"""The interpreter of an installation of OpenStack 2026.2, for the tests that ask its classes or start its services."""


@pytest.fixture(scope="session")
def openstack_python() -> str:
    return OPENSTACK_PYTHON


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-servers", action="store_true", help="only tests that need no server of any kind")


def pytest_report_header() -> str:
    if OPENSTACK_PYTHON:
        return f"real OpenStack: {OPENSTACK_PYTHON}"
    return "real OpenStack: none (OPENSTACK_PYTHON is not set), tests that need its packages are left out"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    without_servers = config.getoption("--no-servers")
    deselected = [item for item in items if (without_servers and _needs_a_server(item)) or _is_left_out(item)]
    config.hook.pytest_deselected(items=deselected)
    items[:] = sorted((item for item in items if item not in deselected), key=_is_short)


def pytest_collection_finish() -> None:
    """What was collected lives to the end: every collection of garbage would look through all of it again."""
    gc.collect()
    gc.freeze()


def _is_short(item: pytest.Item) -> bool:
    """The long ones are first: at the end one would keep one worker busy while the others have nothing to do."""
    return "stack" not in item.path.parts


def _is_left_out(item: pytest.Item) -> bool:
    """What needs the originals, or installs something, where that is not asked for; what two processes cannot do."""
    if IS_PAIRED and item.get_closest_marker("one_process"):
        return True
    needs_the_original = not OPENSTACK_PYTHON and "openstack_python" in getattr(item, "fixturenames", ())
    return needs_the_original or (bool(item.get_closest_marker("installs")) and os.environ.get("TOOLS") != "all")


def _needs_a_server(item: pytest.Item) -> bool:
    marked = any(item.get_closest_marker(name) for name in ("rabbitmq", "slow"))
    return marked or bool(SERVERS.intersection(getattr(item, "fixturenames", ())))
