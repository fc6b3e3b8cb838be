"""Calls nobody thought of, made up by schemathesis from the image API's document: no failure, no undocumented answer.

``make fuzz-image EXAMPLES=5000`` makes up more of them, other ones each time.
"""

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from stackwire.image.openapi.document import document
from support.cloud import ASharedCloud

if TYPE_CHECKING:
    from support.fuzz import Fuzz

SAID = {(method.upper(), path): said for path, item in document()["paths"].items() for method, said in item.items()}
OPERATIONS = list(SAID)
OPEN = sum("parameters" in said or "requestBody" in said for said in SAID.values())
"""Operations of which calls can differ: of the others there is one."""
ASKED = os.environ.get("EXAMPLES", "")
EACH = -(-int(ASKED) // OPEN) if ASKED else 3
"""Calls of one operation."""
CACHED = {"image": {"image_cache": True}}


@pytest.fixture(scope="module")
async def fuzz(a_shared_cloud: ASharedCloud) -> "Fuzz":
    from support.fuzz import Fuzz  # takes a second to import, which only this story is to cost

    cloud = await a_shared_cloud(settings=CACHED)
    people = {user: await cloud.http(user) for user in ("demo", "admin", "alt")}
    tokens = {user: client.token for user, client in people.items()}
    return Fuzz(document(), cloud.urls["image"], tokens, people["alt"].project_id)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=map(" ".join, OPERATIONS))
async def test_no_call_makes_the_service_fail_or_answer_what_is_not_documented(
    fuzz: "Fuzz", method: str, path: str
) -> None:
    before = sum(fuzz.calls.values())
    await asyncio.to_thread(fuzz.operation, method, path, EACH, same=not ASKED)  # fails at the first such answer
    assert sum(fuzz.calls.values()) > before


async def test_whatever_is_below_the_api_that_went_away_answers_with_the_versions(a_shared_cloud: ASharedCloud) -> None:
    """Found by the calls above: a line break was not below it."""
    cloud = await a_shared_cloud(settings=CACHED)
    told = await (await cloud.http("demo")).get("image", "/v1/a%0Ab")
    assert told.ok(300).json["versions"]


def test_calls_were_served_and_refused(fuzz: "Fuzz") -> None:
    """Last: the calls above were neither all nonsense nor all harmless."""
    print(f"\n{sum(fuzz.calls.values())} calls: {dict(sorted(fuzz.calls.items()))}")
    assert fuzz.calls.keys() >= {200, 201, 204, 400, 403, 404}
