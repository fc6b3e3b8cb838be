"""Rules of faults: what they match, how often and how long they hold, and who has a say in it."""

import asyncio
from typing import Any, get_args

import pytest

from stackwire.core.errors import Conflict
from stackwire.core.fault_rules import KINDS, FaultMatch, FaultRule, Kind
from stackwire.core.faults import MOST_RULES, NO_FAULTS, Fault, FaultNotFound, FaultRules, Injection


def rule(kind: str, **fields: Any) -> FaultRule:
    return FaultRule.model_validate({"kind": kind, **fields})


def test_every_kind_has_a_description_and_a_name() -> None:
    assert get_args(Kind) == tuple(KINDS)
    assert all(kind.summary for kind in KINDS.values())


@pytest.mark.parametrize(
    ("match", "facts", "fits"),
    [
        ({}, {}, True),
        ({"method": "create_volume"}, {"method": "create_volume"}, True),
        ({"method": "create_*"}, {"method": "create_volume"}, True),
        ({"method": "create_volume"}, {"method": None}, False),
        ({"method": "create_volume"}, {}, False),
        ({"method": "create_volume", "message": "cast"}, {"method": "create_volume", "message": "reply"}, False),
        ({"path": "/v2/images/*/file"}, {"path": "/v2/images/1/file"}, True),
        ({"path": "/v2/images"}, {"path": "/v2/images/1"}, False),
        ({"resource": "ab-12"}, {"resource": "volume-ab-12"}, True),
        ({"resource": "ab-*"}, {"resource": "volume-ab-12"}, False),
    ],
)
def test_all_that_is_given_must_fit(match: dict[str, str], facts: dict[str, str | None], fits: bool) -> None:
    assert FaultMatch.model_validate(match).fits(facts) is fits


async def test_a_count_is_of_all_services_together() -> None:
    rules = FaultRules()
    volume, image = rules.of("volume"), rules.of("image")
    rules.add(rule("bus.drop", count=2))
    assert [await view.first("bus", {}) is not None for view in (volume, image, volume, image)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert volume.rules == image.rules == ()


async def test_a_service_has_the_rules_that_are_about_it() -> None:
    rules = FaultRules()
    rules.add(rule("bus.drop", match={"service": "volume"}))
    assert (len(rules.of("volume").rules), rules.of("image").rules) == (1, ())


async def test_a_rule_of_another_part_does_not_happen() -> None:
    rules = FaultRules()
    faults = rules.of("volume")
    rules.add(rule("http.status", status=503))
    assert await faults.first("bus", {}) is None
    assert [each.rule.kind for each in await faults.all("http", {})] == ["http.status"]


async def test_what_has_expired_happens_no_more_and_is_forgotten_where_it_could() -> None:
    rules = FaultRules()
    faults = rules.of("volume")
    fault = rules.add(rule("bus.drop", expires_in=60))
    assert await faults.first("bus", {}) is fault
    fault.deadline = 0.0
    assert await faults.first("bus", {}) is None
    assert faults.rules == ()
    assert fault.view()["state"] == "expired"


async def test_whoever_waits_goes_on_when_the_rule_is_removed() -> None:
    rules = FaultRules()
    faults = rules.of("volume")
    fault = rules.add(rule("bus.away"))
    waiting = asyncio.create_task(faults.wait_out(fault))
    assert await faults.wait_out(fault, 0.001) is False
    rules.remove(fault.id)
    assert await waiting is True


@pytest.mark.parametrize(
    ("at", "names", "dies"),
    [
        ("after_commit", ["create_volume"], True),
        ("before_commit", ["create_volume"], False),
        ("after_commit", ["delete_volume"], False),
        ("after_commit", ["volume.create.start", "create_volume"], True),
    ],
)
async def test_a_worker_ends_at_the_point_that_is_named(at: str, names: list[str], dies: bool) -> None:
    rules, ended = FaultRules(), list[Fault]()
    faults = rules.of("volume")

    async def crash(fault: Fault) -> None:
        ended.append(fault)

    faults.crash = crash
    rules.add(rule("worker.crash", point="after_commit:create_volume"))
    await faults.at(at, names, lambda: "")
    assert bool(ended) is dies


async def test_each_that_happens_is_reported() -> None:
    rules, found = FaultRules(), list[Injection]()
    faults = rules.of("volume")

    async def report(injection: Injection) -> None:
        found.append(injection)

    faults.report = report
    rules.add(rule("bus.delay", seconds=2, match={"method": "create_volume"}))
    await faults.first("bus", {"method": "create_volume"}, "create_volume")
    await faults.first("bus", {"method": "delete_volume"}, "delete_volume")
    assert [injection.text for injection in found] == ["fault injected: bus.delay seconds=2.0 create_volume"]


def test_there_is_an_end_to_how_many_there_are() -> None:
    rules = FaultRules()
    for _ in range(MOST_RULES):
        rules.add(rule("bus.drop"))
    with pytest.raises(Conflict):
        rules.add(rule("bus.drop"))
    rules.clear()
    with pytest.raises(FaultNotFound):
        rules.remove("none")


async def test_whoever_was_not_asked_injects_nothing() -> None:
    assert NO_FAULTS.rules == ()
    NO_FAULTS.replace([Fault("1", rule("bus.drop"), None)])
    try:
        assert await NO_FAULTS.first("bus", {}) is None
    finally:
        NO_FAULTS.replace([])
