"""Two clouds, asked the same: the journey's flows, their notifications, the tables; and where the answers differ."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stackwire.compare.answers import Answers
from stackwire.compare.fixtures import Fixtures, smallest_flavor
from stackwire.compare.flows import FLOWS, Flow
from stackwire.compare.journey import Exchange, Journey
from stackwire.compare.normal import ABSENT, unequal
from stackwire.compare.notifications import Events, Listener, listening
from stackwire.compare.request import Request
from stackwire.compare.runner import send_all
from stackwire.compare.session import VERSION_NAMES, Credentials, Refused, Session, logged_in


class Difference(NamedTuple):
    """One thing that differs, and what each cloud has. ``kind``: status, key, value, end, event, payload, answer."""

    kind: str
    where: str
    a: Any
    b: Any


@dataclass(slots=True)
class Case:
    """One flow or table. ``skipped``: why it was not asked."""

    part: str
    name: str
    differences: list[Difference] = field(default_factory=list)
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of the two, as the caller knows it."""

    user: Credentials
    admin: Credentials | None = None
    amqp_url: str = ""


@dataclass(slots=True)
class Side:
    """One of the two, logged in."""

    user: Session
    admin: Session | None
    listener: Listener | None


@asynccontextmanager
async def both(a: Cloud, b: Cloud) -> AsyncIterator[tuple[Side, Side]]:
    """Raises Unusable."""
    async with AsyncExitStack() as stack:
        sides = []
        for cloud in (a, b):
            user = await stack.enter_async_context(logged_in(cloud.user))
            admin = await stack.enter_async_context(logged_in(cloud.admin)) if cloud.admin else None
            listener = listening(cloud.amqp_url, user.project_id) if a.amqp_url and b.amqp_url else None
            sides.append(Side(user, admin, await stack.enter_async_context(listener) if listener else None))
        yield sides[0], sides[1]


async def journeys(a: Side, b: Side, on_case: Callable[[Case], None], flows: Mapping[str, Flow] = FLOWS) -> None:
    """Every flow in both clouds at once, under the newest microversions that both know. Raises Unusable."""
    newest = await asyncio.gather(_newest(a.user), _newest(b.user))
    on_case(Case("journey", "versions", [Difference("value", *found) for found in unequal("newest", *newest)]))
    versions = {service: min(newest[0][service], newest[1][service], key=_number) for service in newest[0]}
    walks = [Journey(side.user, versions) for side in (a, b)]
    try:
        for walk in walks:
            walk.ids["flavor"] = await smallest_flavor(walk.session)
        for name, flow in flows.items():
            one, other = await asyncio.gather(*(walk.run(flow) for walk in walks))
            on_case(Case("journey", name, list(_exchanges(one, other))))
            if a.listener and b.listener:
                events = await asyncio.gather(a.listener.take(), b.listener.take())
                on_case(Case("notifications", name, list(_events(*events))))
    finally:
        await asyncio.gather(*(walk.close() for walk in walks))


async def tables(a: Side, b: Side, requests: Sequence[Request], on_case: Callable[[Case], None]) -> None:
    """Every row of the requests in both clouds at once. Raises Unusable."""
    for request in requests:
        if request.admin and not (a.admin and b.admin):
            on_case(Case("tables", request.name, skipped="it needs an administrator of both clouds"))
            continue
        one, other = await asyncio.gather(_answers(a, request), _answers(b, request))
        on_case(_table(request.name, one, other))


def _table(name: str, one: Answers | str, other: Answers | str) -> Case:
    if isinstance(one, Answers) and isinstance(other, Answers):
        return Case("tables", name, list(_rows(one, other)))
    if isinstance(one, str) and isinstance(other, str):
        return Case("tables", name, skipped=f"neither cloud takes it: {one}; {other}")
    results = [each if isinstance(each, str) else "accepted" for each in (one, other)]
    return Case("tables", name, [Difference("answer", "(valid)", *results)])


async def _answers(side: Side, request: Request) -> Answers | str:
    """The answers, or why the request as it stands is refused."""
    fixtures = Fixtures(side.user, side.admin or side.user)
    try:
        return await send_all(request, fixtures)
    except Refused as error:
        return str(error)
    finally:
        await fixtures.close()


def _rows(one: Answers, other: Answers) -> Iterator[Difference]:
    statuses = {row[:3]: row[3] for row in other.rows()}
    for version, name, value, status in one.rows():
        counterpart = statuses.get((version, name, value), ABSENT)
        if counterpart != status:
            yield Difference("answer", " ".join(filter(None, (version, name, value))), status, counterpart)


def _exchanges(one: list[Exchange], other: list[Exchange]) -> Iterator[Difference]:
    for before, after in zip(one, other, strict=False):
        if before.status != after.status:
            yield Difference("status", before.call, before.status, after.status)
        for where, a, b in unequal("", before.body, after.body):
            yield Difference("key" if ABSENT in (a, b) else "value", f"{before.call} {where.lstrip('.')}", a, b)
    if len(one) != len(other):
        ends = [f"after {len(each)} requests" for each in (one, other)]
        yield Difference("end", "the flow ends", *ends)


def _events(one: Events, other: Events) -> Iterator[Difference]:
    for event in sorted(one.keys() | other.keys()):
        if event not in one or event not in other:
            yield Difference("event", event, *("emitted" if event in each else ABSENT for each in (one, other)))
        else:
            for key in sorted(one[event] ^ other[event]):
                yield Difference("payload", f"{event} {key}", *(key in each[event] for each in (one, other)))


async def _newest(session: Session) -> dict[str, str]:
    """The newest microversion of each service that has them."""
    found = {}
    for service, path in (("volume", "/volumes?limit=1"), ("compute", "/servers?limit=1")):
        answer = await session.send("GET", service, path, version="latest")
        stated = answer.headers.get("OpenStack-API-Version", f"{VERSION_NAMES[service]} ")
        found[service] = stated.rpartition(" ")[2]
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
