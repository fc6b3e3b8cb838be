"""Every route of the original services (``data/routes``): asks a cloud each, and what the recorded one answered.

To record anew, an administrator's password and a real cloud are all it takes; it makes what it needs and deletes it:

    PYTHONPATH=tests python -m support.routes --auth-url URL --password SECRET

A file's keys are the routes: Nova's ``ROUTE_LIST``, the maps of Cinder's and Glance's routers, Keystone's ``url_map``.
Its values are the statuses, each from the microversion on that answers so. A request has an empty object as its body.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stackwire.compare.fixtures import FIXTURES, Fixture, Fixtures
from stackwire.compare.session import Answer, Credentials, Session, Unusable, logged_in

FOLDER = Path(__file__).parent.parent / "data" / "routes"
VERSIONS = {
    "compute": [
        "2.1",
        "2.6",
        "2.17",
        "2.22",
        "2.23",
        "2.24",
        "2.26",
        "2.36",
        "2.39",
        "2.43",
        "2.44",
        "2.53",
        "2.55",
        "2.78",
        "2.81",
        "2.88",
        "2.97",
        "2.103",
    ],
    "volume": [
        "3.0",
        "3.3",
        "3.7",
        "3.8",
        "3.9",
        "3.11",
        "3.12",
        "3.13",
        "3.14",
        "3.19",
        "3.20",
        "3.24",
        "3.27",
        "3.32",
        "3.33",
        "3.38",
        "3.44",
        "3.55",
        "3.62",
        "3.70",
    ],
    "image": [""],
    "identity": [""],
}
"""Those at which routes come or go."""
KNOWN = {
    **FIXTURES,
    "volume_type": Fixture("volume", "/types", {"volume_type": {"name": "{unique}"}}, "volume_type", admin=True),
    **{
        noun: Fixture("identity", f"/{noun}s", {noun: {"name": "{unique}", "enabled": False}}, noun, admin=True)
        for noun in ("user", "group", "role", "domain")
    },
}
Statuses = dict[str, dict[str, int]]
"""Route to version to status."""


def recorded(service: str) -> Statuses:
    found: Statuses = json.loads((FOLDER / f"{service}.json").read_text())
    return found


def fixtures(admin: Session) -> Fixtures:
    """What the routes name."""
    return Fixtures(admin, admin, KNOWN)


async def ask(route: str, service: str, version: str, made: Fixtures) -> Answer:
    """``{unknown}`` is the id of nothing. Its status is 0 where the cloud hung up twice."""
    method, path = route.replace("{unknown}", "00000000-0000-4000-8000-000000000000").split(" ", 1)
    data = b"{}" if method in ("POST", "PUT", "PATCH") else None
    path = await made.filled(path)
    try:
        answer = await made.admin.send(method, service, path, data=data, version=version)
    except Unusable:  # a kept connection may have been closed at that moment
        with suppress(Unusable):
            return await made.admin.send(method, service, path, data=data, version=version)
        return Answer(0, {}, None)
    if answer.status == 201 and method == "POST" and isinstance(answer.json, dict) and "id" in answer.json:
        await made.delete(service, f"{path}/{answer.json['id']}")
    return answer


async def ask_all(route: str, service: str, made: Fixtures) -> dict[str, int]:
    """The versions at which the status is another than before. Between two that answer alike none is asked."""
    versions = VERSIONS[service]
    found: dict[int, int] = {}
    ranges = [(0, len(versions) - 1)]
    while ranges:
        first, last = ranges.pop()
        for place in {first, last} - found.keys():
            found[place] = (await ask(route, service, versions[place], made)).status
        if found[first] != found[last] and last - first > 1:
            middle = (first + last) // 2
            ranges += [(first, middle), (middle, last)]
    places = sorted(found)
    return {versions[at]: found[at] for i, at in enumerate(places) if i == 0 or found[at] != found[places[i - 1]]}


async def record(admin: Credentials, services: Sequence[str]) -> None:
    async with logged_in(admin) as session:
        for service in services:
            made = fixtures(session)
            lines = [
                f"{json.dumps(each)}: {json.dumps(await ask_all(each, service, made))}" for each in recorded(service)
            ]
            await made.close()
            (FOLDER / f"{service}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--auth-url", required=True)
    parser.add_argument("--user", default="admin", help="an administrator, in the project of that name")
    parser.add_argument("--password", required=True)
    parser.add_argument("services", nargs="*", help="all, unless some are named")
    given = parser.parse_args()
    asyncio.run(
        record(Credentials(given.auth_url, given.user, given.password, given.user), given.services or list(VERSIONS))
    )


if __name__ == "__main__":
    main()
