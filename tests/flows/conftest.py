"""What most flows begin with; a file that needs a cloud of its own making has a ``cloud`` of its own."""

from typing import cast

import pytest

from support.cloud import ACloud, ASharedCloud, JsonClient, TestCloud


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> TestCloud:
    """All services, for this test alone; for the whole file where that says ``pytest.mark.shared_cloud``."""
    shared = request.node.get_closest_marker("shared_cloud") is not None
    return cast(TestCloud, request.getfixturevalue("cloud_of_the_file" if shared else "cloud_of_the_test"))


@pytest.fixture
async def cloud_of_the_file(a_shared_cloud: ASharedCloud) -> TestCloud:
    return await a_shared_cloud()


@pytest.fixture
async def cloud_of_the_test(a_cloud: ACloud) -> TestCloud:
    return await a_cloud()


@pytest.fixture
async def demo(cloud: TestCloud) -> JsonClient:
    """As the user ``demo``."""
    return await cloud.http("demo")
