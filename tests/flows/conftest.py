"""What most flows begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stackwire.cloud.states.states import States
from support.cloud import JsonClient, TestCloud


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    """As the user ``demo``, in the file's cloud."""
    return await cloud.http("demo")


@pytest.fixture
async def states(cloud: TestCloud, tmp_path: Path) -> AsyncIterator[States]:
    """The saved states of the file's cloud, and its beginning."""
    states = States(cloud.cloud, tmp_path / "states")
    await states.begin()
    yield states
    await states.close()
