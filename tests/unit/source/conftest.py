"""The syntax trees of the code are some hundred megabytes: they go with the last test of a file that reads them."""

from collections.abc import Iterator

import pytest

from support import source_code


@pytest.fixture(scope="module", autouse=True)
def no_trees_afterwards() -> Iterator[None]:
    yield
    source_code.modules.cache_clear()
    source_code.nodes.cache_clear()
