"""The pytest plugin: ``stackwire_cloud``, a whole cloud for the session, on free ports and an embedded PostgreSQL.

def test_my_client(stackwire_cloud):
    conn = stackwire_cloud.connection()              # an openstacksdk Connection for demo
    admin = stackwire_cloud.connection("stackwire-admin")

Nothing but pytest is imported before a test uses it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stackwire.cloud.subprocess_cloud import SubprocessCloud


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options ``--stackwire-release`` and ``--stackwire-with-bug``."""
    group = parser.getgroup("stackwire", "a simulated OpenStack for the tests")
    group.addoption(
        "--stackwire-release",
        default="current",
        metavar="NAME",
        help="the OpenStack release whose property rules apply",
    )
    group.addoption(
        "--stackwire-with-bug", action="append", default=[], metavar="lp-NNN", help="a bug to reintroduce; repeatable"
    )


@pytest.fixture(scope="session")
def stackwire_cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["SubprocessCloud"]:
    """Started for the first test that uses it, stopped after the last; with xdist each worker has its own."""
    from stackwire.cloud.subprocess_cloud import SubprocessCloud

    cloud = SubprocessCloud(
        tmp_path_factory.mktemp("stackwire"),
        release=request.config.getoption("--stackwire-release"),
        with_bugs=tuple(request.config.getoption("--stackwire-with-bug")),
    )
    cloud.start()
    yield cloud
    cloud.stop()
