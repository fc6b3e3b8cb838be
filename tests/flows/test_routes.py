"""Every route of the original services is served, or refused by the name of its feature; none leads nowhere."""

from collections.abc import AsyncIterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from stackwire.compare.fixtures import Fixtures
from stackwire.compare.session import Answer, Credentials, logged_in
from stackwire.compute.http import not_simulated as compute
from stackwire.compute.http import server_actions
from stackwire.http.refusals import REMOVED, Features
from stackwire.identity.http import unsupported as identity
from stackwire.volume.http import extensions as volume
from support.cloud import ASharedCloud
from support.routes import FOLDER, VERSIONS, ask, fixtures, recorded

PAGE = Path(__file__).parent.parent / "COMPATIBILITY.md"
REFUSED: dict[str, Features] = {
    "compute": compute.NOT_SIMULATED,
    "volume": volume.NOT_SIMULATED,
    "identity": identity.NOT_SIMULATED,
    "image": {},
}


def differences() -> dict[str, str]:
    """The table of ``data/routes/DIFFERENCES.md``: a line as the test finds it, with ``*``, and why it stays."""
    rows = (line.strip("| \n").split(" | ") for line in (FOLDER / "DIFFERENCES.md").read_text().splitlines())
    return {row[0].strip("`"): row[1] for row in rows if row[0].startswith("`")}


def at_their_edges(route: str, service: str) -> dict[str, int]:
    """The recorded status at each version where it changes, at the one before, and at the last; 0: not recorded."""
    known, versions = recorded(service)[route], VERSIONS[service]
    places = sorted({at for version in known for at in (versions.index(version) - 1, versions.index(version))} - {-1})
    statuses, found = {}, 0
    for place in range(len(versions)):
        found = known.get(versions[place], found)
        if place in places or place == len(versions) - 1:
            statuses[versions[place]] = found
    return statuses


def leads_nowhere(answer: Answer) -> bool:
    """Whether no route of Nova's answered: its errors are JSON."""
    return answer.status == 404 and answer.json is None


@pytest.fixture
async def made(a_shared_cloud: ASharedCloud) -> AsyncIterator[Fixtures]:
    cloud = await a_shared_cloud()
    async with logged_in(Credentials(cloud.auth_url, "admin", "secret", "admin")) as session:
        found = fixtures(session)
        yield found
        await found.close()


@pytest.mark.parametrize("service", VERSIONS)
async def test_every_route_is_answered_as_by_the_recorded_cloud_or_refused(service: str, made: Fixtures) -> None:
    found = []
    for route in recorded(service):
        for version, status in at_their_edges(route, service).items():
            answer = await ask(route, service, version, made)
            if answer.status not in (status, 501) and (status or leads_nowhere(answer)):
                found.append(f"{service} {route} {version}: {status}, {answer.status}")
    unlisted = [each for each in found if not any(fnmatchcase(each, pattern) for pattern in differences())]
    assert not unlisted, "recorded, ours:\n" + "\n".join(unlisted)


def test_every_listed_difference_has_a_reason() -> None:
    assert all(len(reason) > 10 for reason in differences().values())


def told(service: str) -> str:
    _, _, lists = PAGE.read_text().partition("## What is refused")
    return " ".join(next(line for line in lists.split("\n- ") if line.startswith(f"**{service}**")).split())


@pytest.mark.parametrize(("service", "features"), REFUSED.items())
def test_the_page_lists_every_feature_that_is_refused(service: str, features: Features) -> None:
    assert not [feature for feature in features if feature != REMOVED and feature not in told(service)]


@pytest.mark.parametrize(("service", "actions"), [("compute", server_actions.NOT_SIMULATED)])
def test_the_page_lists_every_action_that_is_refused(service: str, actions: frozenset[str]) -> None:
    assert not [action for action in actions if f"`{action}`" not in told(service)]
