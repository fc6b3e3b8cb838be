"""What OpenStack learnt when: the table is sound, and a release is the set of behaviours known by then."""

import re

import pytest

from stackwire.core.behaviour_table import TABLE
from stackwire.core.behaviours import ALIASES, BUGS, CURRENT, RELEASES, behaviours_of, release_named

# behaviour, the last release without it, the first with it: each from its source (see TABLE).
LEARNT = [
    ("upload-inherits-image-metadata", "icehouse", "juno"),
    ("bdm-lookup-returns-image-meta", "icehouse", "juno"),
    ("bdm-lookup-drops-base-keys", "kilo", "liberty"),
    ("snapshot-from-instance-metadata-only", "kilo", "liberty"),
    ("values-cut-at-bytes", "juno", "kilo"),
    ("active-images-keep-a-location", "liberty", "mitaka"),
    ("visibility-shared-default", "newton", "ocata"),
    ("snapshot-drops-absolute-non-inheritables", "train", "ussuri"),
    ("rebuild-keeps-base-image-ref", "ussuri", "victoria"),
    ("upload-drops-reserved-keys", "2023.1", "2023.2"),
    ("volume-backed-rebuild", "yoga", "zed"),
    ("upload-drops-signature-verified", "2024.2", "2025.1"),
]
BROKEN_FOR_A_WHILE = [("servers-show-standard-image-properties", "2024.2", "2025.1", "2025.2")]
FORGOTTEN = [("v1-api", "queens", "rocky"), ("size-zero-activation", "queens", "rocky")]


@pytest.mark.parametrize(("name", "before", "since"), LEARNT)
def test_a_behaviour_is_known_from_its_release_on(name: str, before: str, since: str) -> None:
    assert not behaviours_of(before).has(name)
    assert behaviours_of(since).has(name)
    assert behaviours_of().has(name)


@pytest.mark.parametrize(("name", "before", "broken", "mended"), BROKEN_FOR_A_WHILE)
def test_a_bug_that_came_with_a_release_is_in_none_before_it(name: str, before: str, broken: str, mended: str) -> None:
    assert [behaviours_of(release).has(name) for release in (before, broken, mended)] == [True, False, True]


@pytest.mark.parametrize(("name", "last", "gone"), FORGOTTEN)
def test_a_behaviour_is_gone_from_the_release_that_dropped_it(name: str, last: str, gone: str) -> None:
    assert behaviours_of("icehouse").has(name)
    assert behaviours_of(last).has(name)
    assert not behaviours_of(gone).has(name)


def test_every_behaviour_says_what_it_is_and_where_that_is_written() -> None:
    assert len({behaviour.name for behaviour in TABLE}) == len(TABLE)
    for behaviour in TABLE:
        assert behaviour.summary
        assert behaviour.source
        assert behaviour.service in ("image", "volume", "compute")
        assert behaviour.since in RELEASES
        broken = behaviour.broken_since
        assert broken is None or RELEASES.index(broken) < RELEASES.index(behaviour.since)
        assert behaviour.until is None or RELEASES.index(behaviour.until) > RELEASES.index(behaviour.since)


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_a_bug_takes_back_one_behaviour_and_no_other(bug: str) -> None:
    today, bugged = behaviours_of(), behaviours_of(without=[bug])
    changed = {found.name for found in TABLE if today.has(found.name) != bugged.has(found.name)}
    assert changed == {BUGS[bug].name}


def test_a_behaviour_may_be_taken_back_by_its_own_name() -> None:
    assert not behaviours_of(without=["volume-backed-rebuild"]).has("volume-backed-rebuild")


@pytest.mark.parametrize(
    ("asked", "named"), [("current", CURRENT), ("Pike", "pike"), ("CARACAL", "2024.1"), ("2024.1", "2024.1")]
)
def test_a_release_is_known_by_its_names(asked: str, named: str) -> None:
    assert release_named(asked) == named


def test_aliases_name_releases() -> None:
    assert set(ALIASES.values()) <= set(RELEASES)


@pytest.mark.parametrize("release", ["", "havana", "2012.1", "master"])
def test_a_release_nobody_knows_is_refused_with_those_known(release: str) -> None:
    with pytest.raises(ValueError, match="icehouse"):
        behaviours_of(release)


def test_a_bug_nobody_knows_is_refused_with_those_known() -> None:
    with pytest.raises(ValueError, match="lp-1893618"):
        behaviours_of(without=["lp-1"])


def test_asking_for_a_behaviour_that_is_not_in_the_table_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        behaviours_of().has("no-such-behaviour")


# Major versions by release; what came before Liberty has the year and the number of its release.
FIRST_VERSIONS = {"compute": ("liberty", 12), "volume": ("liberty", 7), "image": ("liberty", 11)}
BY_YEAR = {"2014.2": "juno", "2015.1.0": "kilo"}


def release_of(service: str, version: str) -> str:
    if version in BY_YEAR:
        return BY_YEAR[version]
    first, number = FIRST_VERSIONS[service]
    return RELEASES[RELEASES.index(first) + int(version.split(".")[0]) - number]


VERSIONED = {
    bug: (behaviour, found[1])
    for bug, behaviour in BUGS.items()
    if (found := re.match(r".*?\b(\d+\.0\.0|2014\.2|2015\.1\.0)\b", behaviour.source))
}


@pytest.mark.parametrize("bug", VERSIONED)
def test_a_bug_ends_with_the_release_whose_version_has_the_fix(bug: str) -> None:
    behaviour, version = VERSIONED[bug]
    assert release_of(behaviour.service, version) == behaviour.since
