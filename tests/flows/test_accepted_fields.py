"""Nothing is accepted and ignored: a field that takes another value changes the answer, a row or a message."""

import os
from collections.abc import AsyncIterator

import pytest

from stackwire.compare.answers import Answers, read
from stackwire.compare.fixtures import Fixtures
from stackwire.compare.odd_values import UNKNOWN_KEY
from stackwire.compare.request import Request, variants
from stackwire.compare.session import Credentials, logged_in
from stackwire.compare.tables import all_requests
from support.answers import ANSWERS
from support.cloud import ACloud
from support.effects import Effects

EVERY = 1 if os.environ.get("ACCEPTED_FIELDS") == "all" else 20
IGNORED: dict[str, str] = {
    "flavors.create flavor.id": "null asks for a made-up id, as the valid request does",
    "flavors.create flavor.os-flavor-access:is_public": "1 is another spelling of true",
    "projects.create project.domain_id": "null is the domain of the token, which the valid request names",
    "projects.create project.parent_id": "null is the domain, which the valid request names",
    "volume-actions.terminate_connection os-terminate_connection.connector": "null ends what there is",
}
"""Request and field, to the reason why its value changes nothing here."""


def accepted(request: Request, answers: Answers) -> dict[str, str]:
    """Field to an odd value that the newest version takes. Left out is no value: it may mean the very same."""
    found: dict[str, str] = {}
    same = {(each.field, each.value) for each in variants(request) if each.body == request.body}
    for version, field, value, status in answers.rows():
        taken = status in range(200, 300) and version == request.versions[-1] and value != "absent"
        odd = (field, value) not in same and not field.startswith("?") and not field.endswith(UNKNOWN_KEY)
        if taken and odd and f"{request.name} {field}" not in IGNORED:
            found.setdefault(field, value)
    return found


REQUESTS = [
    each
    for each in all_requests().values()
    if each.body and each.status is None and (ANSWERS / f"{each.name}.json").exists()
]


@pytest.fixture
async def effects(a_cloud: ACloud) -> AsyncIterator[Effects]:
    cloud = await a_cloud()
    user, admin = (Credentials(cloud.auth_url, name, "secret", name) for name in ("demo", "admin"))
    async with logged_in(user) as session, logged_in(admin) as admin_session:
        fixtures = Fixtures(session, admin_session, unique="compared")
        found = Effects(cloud, fixtures)
        watch = cloud.cloud.broker.watch(found.on_wire_record)
        yield found
        await watch.close()
        await fixtures.close()


async def test_each_accepted_value_changes_something(effects: Effects) -> None:
    idle: list[str] = []
    for request in REQUESTS[::EVERY]:
        chosen = accepted(request, read(ANSWERS / f"{request.name}.json"))
        idle += [f"{request.name} {field}={chosen[field]}" for field in await effects.without_effect(request, chosen)]
    assert not idle, "\n".join(idle)
