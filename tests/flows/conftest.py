"""What most flows begin with; a file that needs a cloud of its own making has a ``cloud`` of its own."""

import pytest

from support.cloud import ASharedCloud, JsonClient, TestCloud


@pytest.fixture
async def cloud(a_shared_cloud: ASharedCloud) -> TestCloud:
    """All services, shared by the file's tests."""
    return await a_shared_cloud()


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    """As the user ``demo``."""
    return await cloud.http("demo")
