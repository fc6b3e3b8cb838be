"""The admin port beside services that run as processes of their own: what it has not, and whom a rule can happen to."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from stackwire.cloud.admin.app import AdminServer, make_admin_app
from stackwire.cloud.admin.routes import routes_of_processes, with_refusals
from stackwire.cloud.options import free_ports
from stackwire.core.faults import FaultRules

TOKEN = "t" * 40
OF_ONE_PROCESS = (
    ("GET", "/clock"), ("PUT", "/clock"), ("POST", "/clock/advance"), ("GET", "/pace"), ("POST", "/pace/release"),
    ("POST", "/bus/messages"), ("GET", "/bus/stand-ins"), ("GET", "/states"), ("POST", "/states"),
    ("POST", "/states/a/load"), ("POST", "/reset"), ("POST", "/seed"), ("POST", "/seed/preset"), ("POST", "/settle"),
)  # fmt: skip


@pytest.fixture
def rules() -> FaultRules:
    return FaultRules()


@pytest.fixture
async def url(rules: FaultRules) -> AsyncIterator[str]:
    port = free_ports(("admin",))["admin"]
    server = AdminServer(
        make_admin_app(with_refusals(routes_of_processes(rules, {})), token=TOKEN, host="127.0.0.1"), "127.0.0.1", port
    )
    await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as opened:
        yield opened


@pytest.mark.parametrize(("method", "path"), OF_ONE_PROCESS)
async def test_what_needs_the_services_in_one_process_is_refused_in_the_ports_own_form(
    url: str, session: ClientSession, method: str, path: str
) -> None:
    async with session.request(method, f"{url}{path}", json={}) as answer:
        assert answer.status == 501
        error = (await answer.json())["error"]
    assert error["message"].startswith(f"{path} is of a cloud in one process (stackwire up)")


async def test_an_unknown_path_is_not_found_and_the_document_has_what_there_is(
    url: str, session: ClientSession
) -> None:
    async with session.get(f"{url}/clocks") as answer:
        assert answer.status == 404
    async with session.get(f"{url}/openapi.json") as answer:
        paths = {"/health", "/faults", "/faults/kinds", "/faults/{id}", "/openapi.json"}
        assert {*(await answer.json())["paths"]} == paths


async def test_a_rule_says_which_services_obey(url: str, session: ClientSession, rules: FaultRules) -> None:
    rule = {"kind": "bus.drop", "match": {"service": "volume"}}
    async with session.post(f"{url}/faults", json=rule) as answer:
        assert (answer.status, (await answer.json())["obeyed_by"]) == (201, [])
    rules.elsewhere = lambda: ("volume", "image", "volume")
    async with session.get(f"{url}/faults") as answer:
        assert (await answer.json())["obeyed_by"] == ["image", "volume"]
