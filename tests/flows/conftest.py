"""What most flows begin with."""

import pytest

from support.cloud import JsonClient, TestCloud


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    """As the user ``demo``, in the file's cloud."""
    return await cloud.http("demo")
