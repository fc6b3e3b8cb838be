"""The profiles chaos and otel of the compose stack for real. `make test-compose` runs it."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from stackwire.core.ids import new_id
from support.cloud import log_in
from support.compose import COMPOSE, Stack
from support.polling import until
from support.retrying_client import RetryingClient

CUTS = 8
ENDS = {"available", "error"}
pytestmark = [pytest.mark.compose, pytest.mark.slow, pytest.mark.timeout(1200, func_only=True)]


@pytest.fixture
def with_profile(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack with what a profile has more, which is removed in the end."""
    profile, *services = request.param
    stack.run("make", "up", COMPOSE_PROFILES=f"trace,{profile}", CHAOS_SECONDS="1.5")
    yield stack
    stack.run(*stack.compose, "-f", str(COMPOSE), "rm", "-sf", *services, COMPOSE_PROFILES=f"trace,{profile}")


def log_of(stack: Stack, service: str) -> str:
    (container,) = stack.containers(service)
    return stack.run("sh", "-c", f"docker logs {container} 2>&1")


@pytest.mark.parametrize("with_profile", [("chaos", "chaos")], indirect=True, ids=["chaos"])
async def test_the_cloud_goes_on_while_connections_are_cut(with_profile: Stack) -> None:
    """What a client is answered may be 503, and a request again: but all comes to its end, and nothing is restarted."""
    stack, made = with_profile, list[str]()
    before = stack.inspect("{{.RestartCount}}")

    def cuts() -> list[str]:
        return re.findall(r"^chaos: cut (a session of|the connection)", log_of(stack, "chaos"), re.MULTILINE)

    async with aiohttp.ClientSession() as session:
        client = RetryingClient(await log_in(session, stack.urls))
        while len(cuts()) < CUTS or len(made) < 10:
            request = {"volume": {"size": 1, "name": new_id()}}
            volume = await client.create("volume", "/v3/{project_id}/volumes", "volume", request)
            made.append(f"/v3/{{project_id}}/volumes/{volume}")
            assert (await client.wait_for_status("volume", made[-1], "volume", ENDS))["status"] == "available"
            await until(lambda path=made[-1]: is_gone(client, path), 60, interval=0.2)  # type: ignore[misc]  # a bound default
    assert set(cuts()) == {"a session of", "the connection"}
    assert stack.inspect("{{.RestartCount}}") == before
    states = await asyncio.to_thread(healthy, stack)
    assert set(states.values()) == {"healthy"}


async def is_gone(client: RetryingClient, path: str) -> bool:
    """Asked again and again: what a broken connection was about is not known."""
    answer = await client.try_once("DELETE", "volume", path)
    return answer is not None and answer.status == 404


def healthy(stack: Stack) -> dict[str, str]:
    """After a cut a check may fail once."""
    stack.run("deploy/wait-healthy")
    states = stack.inspect("{{if .State.Health}}{{.State.Health.Status}}{{end}}")
    return {name: state for name, state in states.items() if state}


@pytest.mark.parametrize("with_profile", [("otel", "otel", "otel-collector")], indirect=True, ids=["otel"])
async def test_each_requests_story_comes_to_the_collector(with_profile: Stack) -> None:
    stack = with_profile
    async with aiohttp.ClientSession() as session:
        client = await log_in(session, stack.urls)
        image: Any = (await client.post("image", "/v2/images", json={"name": "traced"})).ok(201).json

        async def story() -> Any:
            url = f"http://127.0.0.1:{stack.ports['TRACE_PORT']}/stories/{image['id']}"
            async with session.get(url) as answer:
                return (await answer.json())["stories"] if answer.status == 200 else None

        await until(story, 60, interval=0.5)
    await until(lambda: re.search(r'Traces.*"spans": [1-9]', log_of(stack, "otel-collector")), 120, interval=1.0)
    assert "forward:" not in log_of(stack, "otel"), "it has no reason to complain"
