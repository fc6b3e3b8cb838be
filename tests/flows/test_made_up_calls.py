"""Calls nobody thought of, made up from the tables of requests: no failure, no call without an answer.

``make fuzz EXAMPLES=20000`` makes up more of them, other ones each time; SEED=... the same ones again.
"""

import os
import time
from collections import Counter

import orjson
import pytest

from stackwire.compare.fixtures import Fixtures
from stackwire.compare.session import Answer, Credentials, Session, Unusable, logged_in
from support.cloud import ASharedCloud
from support.made_up import THINGS, Author, Call

ASKED = os.environ.get("EXAMPLES", "")
CALLS = int(ASKED) if ASKED else 100
SEED = int(os.environ.get("SEED", 0)) or (time.time_ns() if ASKED else 1)
RENEWED = 50
"""Calls after which there are new things to ask about: many calls delete or spoil theirs."""
NOT_SIMULATED = 501
QUOTAS = {
    "compute": "instances cores ram key_pairs server_groups",
    "volume": "volumes gigabytes snapshots backups backup_gigabytes groups",
}


async def sent(session: Session, service: str, call: Call, made: Fixtures) -> Answer:
    """The answer; a call about a thing that can no longer be made is one about a thing that is not there."""
    filled = {}
    for part, value in (("path", call.path), ("body", call.body)):
        try:
            filled[part] = await made.filled(value)
        except Unusable:
            filled[part] = value
    data = None if call.body is None else orjson.dumps(filled["body"])
    return await session.send(call.method, service, filled["path"], data=data, version=call.version)


async def lift_quotas(admin: Session, project_id: str) -> None:
    for service, names in QUOTAS.items():
        body = orjson.dumps({"quota_set": dict.fromkeys(names.split(), -1)})
        answer = await admin.send("PUT", service, f"/os-quota-sets/{project_id}", data=body)
        assert answer.status == 200, answer


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("service", ["compute", "volume", "identity"])
async def test_no_call_makes_a_service_fail(a_shared_cloud: ASharedCloud, service: str) -> None:
    cloud = await a_shared_cloud()
    author, statuses = Author(service, SEED), Counter[int]()
    credentials = {name: Credentials(cloud.auth_url, name, "secret", name) for name in ("demo", "admin", "alt")}
    async with (
        logged_in(credentials["demo"]) as demo,
        logged_in(credentials["admin"]) as admin,
        logged_in(credentials["alt"]) as alt,
    ):
        sessions = {"demo": demo, "admin": admin, "alt": alt}
        for number in range(CALLS):
            if number % RENEWED == 0:
                await lift_quotas(admin, demo.project_id)  # which calls of administrators may have set, too
                made = Fixtures(demo, admin, THINGS)
            call = author.call()
            answer = await sent(sessions[call.user], service, call, made)
            statuses[answer.status] += 1
            answered = 100 <= answer.status < 500 or answer.status == NOT_SIMULATED
            assert answered, f"seed {SEED}, call {number}: {call}: {answer}"
        await cloud.settle()
    print(f"\n{service}: {dict(sorted(statuses.items()))}")
    assert statuses.keys() >= {200, 400}
