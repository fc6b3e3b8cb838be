"""Filters and weighers by their names, and the file of back ends (cinder/scheduler/filters, weights)."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.volume.domain.backends import Backends
from stackwire.volume.domain.scheduling import FILTERS, Chooser, Placement, PoolState
from stackwire.volume.settings import VolumeSettings

ID, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
HERE = "stackwire@b#p"


def a_pool(host: str = HERE, used: int = 0, **offered: Any) -> PoolState:
    backends = Backends.read("[backends.b]", "nova")
    (capabilities,) = backends.pools().values()
    return PoolState(host, "nova", {**capabilities, **offered}, used, used, used)


THIN = a_pool(used=15, total_capacity_gb=10, max_over_subscription_ratio="2.0")
THICK = a_pool(used=7, total_capacity_gb=10, thin_provisioning_support=False, reserved_percentage=10)
WHERE = {ID: HERE}


@pytest.mark.parametrize(
    ("name", "pool", "wanted", "passes"),
    [
        ("CapacityFilter", a_pool(), {"size": 10**6}, True),
        ("CapacityFilter", THIN, {"size": 5}, True),
        ("CapacityFilter", THIN, {"size": 6}, False),
        ("CapacityFilter", THIN, {"size": 1, "extra_specs": {"provisioning:type": "thick"}}, False),
        ("CapacityFilter", THICK, {"size": 2}, True),
        ("CapacityFilter", THICK, {"size": 3}, False),
        ("CapacityFilter", THICK, {"size": 3, "exists_on": HERE}, True),
        ("CapacityFilter", THIN, {"size": 0}, True),
        ("CapabilitiesFilter", THICK, {"size": 1, "extra_specs": {"thin_provisioning_support": "<is> False"}}, True),
        ("CapabilitiesFilter", THIN, {"size": 1, "extra_specs": {"thin_provisioning_support": "<is> False"}}, False),
        ("AvailabilityZoneFilter", THIN, {"size": 1, "zones": ["nova"]}, True),
        ("AvailabilityZoneFilter", THIN, {"size": 1, "zones": ["other"]}, False),
        ("SameBackendFilter", THIN, {"size": 1}, True),
        ("SameBackendFilter", THIN, {"size": 1, "hints": {"same_host": ID}, "hosts": WHERE}, True),
        ("SameBackendFilter", THIN, {"size": 1, "hints": {"same_host": [OTHER]}, "hosts": WHERE}, False),
        ("SameBackendFilter", THIN, {"size": 1, "hints": {"same_host": "no id"}}, False),
        ("DifferentBackendFilter", THIN, {"size": 1, "hints": {"different_host": [ID, OTHER]}, "hosts": WHERE}, False),
        ("DifferentBackendFilter", THIN, {"size": 1, "hints": {"different_host": OTHER}, "hosts": WHERE}, True),
        ("IgnoreAttemptedHostsFilter", THIN, {"size": 1, "tried": [HERE]}, False),
    ],
)
def test_a_filter_lets_a_pool_pass_or_not(name: str, pool: PoolState, wanted: dict[str, Any], passes: bool) -> None:
    assert FILTERS[name](pool, Placement(**wanted)) is passes


def test_the_heaviest_pool_is_chosen_and_endless_ones_come_last() -> None:
    pools = [a_pool("a"), a_pool("b", 5, total_capacity_gb=100), a_pool("c", 10, total_capacity_gb=100)]
    assert [pool.host for pool in Chooser().candidates(pools, Placement(size=1))] == ["b", "c", "a"]
    by_number = Chooser(weighers=["VolumeNumberWeigher"])
    assert [pool.host for pool in by_number.candidates(pools, Placement(size=1))] == ["a", "b", "c"]
    assert [pool.host for pool in Chooser().candidates(pools, Placement(size=1, backend="c"))] == ["c"]


def test_the_file_that_is_shipped_can_be_read() -> None:
    backends = Backends.read((Path(__file__).parents[3] / "deploy/backends.toml").read_text(), "nova")
    pools = backends.pools()
    assert list(pools) == ["stackwire@files#files", "stackwire@fast#gold", "stackwire@fast#silver",
                           "stackwire@plain#plain"]  # fmt: skip
    assert (pools["stackwire@fast#silver"]["total_capacity_gb"], pools["stackwire@fast#gold"]["media"]) == (
        100,
        "flash",
    )
    assert [backend.folder for backend in backends] == ["volumes", "volumes-fast", "volumes-plain"]


@pytest.mark.parametrize("text", ["", "[backends]", "[backends.a]\nnonsense = 1", "[backends.'a#b']", "not toml"])
def test_a_file_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="back ends"):
        Backends.read(text, "nova")


def test_only_filters_that_there_are_may_be_named() -> None:
    assert VolumeSettings(scheduler_default_filters="CapacityFilter, IgnoreAttemptedHostsFilter")  # type: ignore[arg-type]  # as in the environment
    with pytest.raises(ValidationError, match="JsonFilter cannot be used"):
        VolumeSettings(scheduler_default_filters="JsonFilter")  # type: ignore[arg-type]  # the same
