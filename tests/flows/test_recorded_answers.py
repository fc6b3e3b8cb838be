"""Every row that a real OpenStack answered (``data/answers``), asked of ours: no status differs without a reason."""

import os
from collections.abc import AsyncIterator
from fnmatch import fnmatchcase

import pytest

from stackwire.compare.answers import differences, read
from stackwire.compare.fixtures import Fixtures
from stackwire.compare.runner import rows, send_all
from stackwire.compare.session import Credentials, logged_in
from stackwire.compare.tables import all_requests
from support.answers import ANSWERS
from support.cloud import ASharedCloud

EVERY = 1 if os.environ.get("RECORDED_ANSWERS") == "all" else 5
REQUESTS = sorted(file.stem for file in ANSWERS.glob("*.json"))


def reasons() -> dict[str, str]:
    """The page's table: a difference, with ``*``, and why it stays."""
    lines = (ANSWERS / "DIFFERENCES.md").read_text().splitlines()
    cells = (line.strip("| \n").split(" | ") for line in lines if line.startswith("| `"))
    return {difference.strip("`").replace("[", "[[]"): reason for difference, reason in cells}


@pytest.fixture
async def fixtures(a_shared_cloud: ASharedCloud) -> AsyncIterator[Fixtures]:
    cloud = await a_shared_cloud()
    user, admin = (Credentials(cloud.auth_url, name, "secret", name) for name in ("demo", "admin"))
    async with logged_in(user) as session, logged_in(admin) as admin_session:
        made = Fixtures(session, admin_session)
        yield made
        await made.close()


@pytest.mark.parametrize("name", REQUESTS)
async def test_each_odd_value_is_answered_as_the_recorded_cloud_answered_it(name: str, fixtures: Fixtures) -> None:
    recorded = read(ANSWERS / f"{name}.json")
    request = all_requests()[name]
    asked = {(version, variant.field, variant.value) for version, variant in rows(request)}
    assert asked == {row[:3] for row in recorded.rows()}, "the table has changed: record anew"
    ours = await send_all(request, fixtures, every=EVERY)
    found = differences(recorded, ours)
    patterns = [pattern for pattern in reasons() if fnmatchcase(name, pattern.split(" ")[0])]
    unlisted = [each for each in found if not any(fnmatchcase(each, pattern) for pattern in patterns)]
    assert not unlisted, "recorded, ours:\n" + "\n".join(unlisted)


def test_every_listed_difference_names_a_recorded_request_and_a_reason() -> None:
    for pattern, reason in reasons().items():
        assert any(fnmatchcase(name, pattern.split(" ")[0]) for name in REQUESTS), pattern
        assert len(reason) > 10, pattern
