"""Nothing is accepted and ignored: a field that takes another value changes the answer, a row or a message."""

import os

import pytest

from stackwire.compare.answers import Answers, read
from stackwire.compare.fixtures import Fixtures
from stackwire.compare.odd_values import UNKNOWN_KEY
from stackwire.compare.request import Request, variants
from stackwire.compare.session import Credentials, logged_in
from stackwire.compare.tables import all_requests
from support.answers import ANSWERS
from support.cloud import ACloud, TestCloud
from support.effects import Effects

EVERY = 1 if os.environ.get("ACCEPTED_FIELDS") == "all" else 20
IGNORED: dict[str, str] = {}
"""Request and field, to the reason why none of its values changes anything here."""


def accepted(request: Request, answers: Answers) -> dict[str, list[str]]:
    """Field to the odd values that the newest version takes. Left out is no value: it may mean the very same."""
    found: dict[str, list[str]] = {}
    same = {(each.field, each.value) for each in variants(request) if each.body == request.body}
    for version, field, value, status in answers.rows():
        taken = status in range(200, 300) and version == request.versions[-1] and value != "absent"
        odd = (field, value) not in same and not field.startswith("?") and not field.endswith(UNKNOWN_KEY)
        if taken and odd and f"{request.name} {field}" not in IGNORED:
            found.setdefault(field, []).append(value)
    return found


REQUESTS = [
    each
    for each in all_requests().values()
    if each.body and each.status is None and (ANSWERS / f"{each.name}.json").exists()
]


async def idle_fields(cloud: TestCloud, request: Request) -> list[str]:
    """The fields of one request that change nothing; what it works on is gone afterwards, its names are free again."""
    user, admin = (Credentials(cloud.auth_url, name, "secret", name) for name in ("demo", "admin"))
    async with logged_in(user) as session, logged_in(admin) as admin_session:
        fixtures = Fixtures(session, admin_session, unique="made")
        effects = Effects(cloud, fixtures)
        watch = cloud.cloud.broker.watch(effects.on_wire_record)
        try:
            return await effects.without_effect(request, accepted(request, read(ANSWERS / f"{request.name}.json")))
        finally:
            await watch.close()
            await fixtures.close()


@pytest.mark.timeout(3600)
async def test_each_accepted_field_changes_something(a_cloud: ACloud) -> None:
    cloud = await a_cloud()
    idle = [f"{each.name} {field}" for each in REQUESTS[::EVERY] for field in await idle_fields(cloud, each)]
    assert not idle, "\n".join(idle)
