"""HTTP requests are part of the story: the client's, and those the services make of each other."""

import asyncio
from typing import Any

import aiohttp
import pytest

from support.cloud import ACloud, TestCloud
from support.user_actions import UserActions

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
VOLUMES = "/v3/{project_id}/volumes"


@pytest.fixture
async def traced(a_cloud: ACloud) -> TestCloud:
    return await a_cloud(trace=True, services=("trace", "identity", "image", "volume"))


async def stories(cloud: TestCloud, wanted: str) -> list[dict[str, Any]]:
    await cloud.settle()
    async with aiohttp.ClientSession() as session, session.get(f"{cloud.urls['trace']}/stories/{wanted}") as answer:
        assert answer.status == 200, await answer.text()
        return list((await answer.json())["stories"])


async def test_a_volume_of_an_image_shows_the_clients_request_and_the_stream_of_bytes(traced: TestCloud) -> None:
    user = await UserActions.of(traced)
    image = await user.image()
    body = {"volume": {"size": 1, "imageRef": image}}
    answer = (await user.client.post("volume", VOLUMES, json=body)).ok(202)
    (story,) = await stories(traced, answer.headers["X-Openstack-Request-Id"])
    legs = [arrow for arrow in story["arrows"] if arrow["kind"] == "http"]
    assert [(leg["sender"], leg["receiver"], leg["name"]) for leg in legs] == [
        ("Python", "cinder-api", f"POST {VOLUMES.format(project_id=user.client.project_id)}"),
        ("cinder-volume@stackwire@files", "glance-api", f"GET /v2/images/{image}/file"),
    ]
    assert [leg["state"] for leg in legs] == ["done", "done"]
    assert legs[1]["payload"]["payload"]["response_bytes"] > 0
    times = [arrow["time"] for arrow in story["arrows"]]
    assert times == sorted(times)
    assert story["arrows"][0] == legs[0], "a story begins with the request of the client"


async def test_a_traceparent_is_passed_on_and_joins_requests(traced: TestCloud) -> None:
    user = await UserActions.of(traced)
    image = await user.image()
    for name in ("one", "two"):
        body = {"volume": {"name": name, "size": 1, "imageRef": image}}
        (await user.client.post("volume", VOLUMES, json=body, headers=PARENT)).ok(202)
    (story,) = await stories(traced, TRACE)
    methods = [arrow["name"].split(" ")[0] for arrow in story["arrows"] if arrow["kind"] == "http"]
    assert sorted(methods) == ["GET", "GET", "POST", "POST"], "the streams of bytes bear the trace, too"


async def test_glances_events_are_in_the_stories_of_their_requests_and_have_none_of_their_own(
    traced: TestCloud,
) -> None:
    """Their payloads name no request, as Glance's; several at once are told apart nevertheless."""
    user = await UserActions.of(traced)
    wish = {"disk_format": "raw", "container_format": "bare"}
    answers = await asyncio.gather(*(user.client.post("image", "/v2/images", json=wish) for _ in range(5)))
    for answer in answers:
        (story,) = await stories(traced, answer.ok(201).headers["X-Openstack-Request-Id"])
        (event,) = [arrow for arrow in story["arrows"] if arrow["name"] == "image.create"]
        assert (event["inferred"], event["payload"]["payload"]["id"]) == (False, answer.json["id"])
        assert [found["id"] for found in await stories(traced, answer.json["id"])] == [story["id"]]


async def test_a_refused_request_has_its_status_and_no_value_of_its_query(traced: TestCloud) -> None:
    user = await UserActions.of(traced)
    nowhere = "/v2/images/00000000-0000-4000-8000-000000000000?name=a-secret-value"
    answer = (await user.client.get("image", nowhere)).ok(404)
    (story,) = await stories(traced, answer.headers["X-Openstack-Request-Id"])
    (leg,) = story["arrows"]
    assert (leg["state"], leg["failure"]) == ("failed", "404")
    assert leg["payload"]["payload"]["query"] == ["name"]
    assert "a-secret-value" not in str(story)


async def test_a_request_without_a_token_is_traced_too(traced: TestCloud) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{traced.urls['image']}/v2/images") as refused:
        (story,) = await stories(traced, refused.headers["X-Openstack-Request-Id"])
    assert [(arrow["name"], arrow["failure"]) for arrow in story["arrows"]] == [("GET /v2/images", "401")]
