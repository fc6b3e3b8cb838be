"""Fixtures for every tier, each set up only when a test requests it; and the option ``--no-servers``."""

import pytest

pytest_plugins = ["support.postgres", "support.rabbitmq", "support.cloud", "support.s3"]
SERVERS = frozenset({"postgres_server", "rabbitmq", "s3_endpoint", "strict_s3_endpoint"})
"""Fixtures that start or look for a server; every other fixture that needs one requests one of these."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-servers", action="store_true", help="only tests that need no server of any kind")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--no-servers"):
        return
    deselected = [item for item in items if _needs_a_server(item)]
    config.hook.pytest_deselected(items=deselected)
    items[:] = [item for item in items if item not in deselected]


def _needs_a_server(item: pytest.Item) -> bool:
    marked = any(item.get_closest_marker(name) for name in ("rabbitmq", "slow"))
    return marked or bool(SERVERS.intersection(getattr(item, "fixturenames", ())))
