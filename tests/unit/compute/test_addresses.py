"""The range servers get their addresses from, and what an interface is called."""

from ipaddress import IPv4Network

import pytest
from pydantic import ValidationError

from stackwire.compute.domain.addresses import FixedIp, access, by_label, network, new_mac, requested
from stackwire.compute.settings import ComputeSettings


@pytest.mark.parametrize(
    ("fixed_range", "first", "last", "size"),
    [
        ("10.0.0.0/16", "10.0.0.2", "10.0.255.254", 65533),
        ("192.168.7.0/24", "192.168.7.2", "192.168.7.254", 253),
        ("192.168.7.128/29", "192.168.7.130", "192.168.7.134", 5),
        ("192.168.7.4/30", "192.168.7.6", "192.168.7.6", 1),
    ],
)
def test_a_range_keeps_its_ends_and_its_gateway_to_itself(fixed_range, first, last, size):
    found = network(IPv4Network(fixed_range))
    assert (found.label, str(found.first), str(found.last), found.size) == ("private", first, last, size)


@pytest.mark.parametrize("fixed_range", ["10.0.0.0/31", "10.0.0.1/32", "10.0.0.1/16", "fd00::/64", "everywhere"])
def test_a_range_without_room_or_sense_is_refused(fixed_range):
    with pytest.raises(ValidationError):
        ComputeSettings(database_url="postgresql://x/y", fixed_range=fixed_range)


def test_a_mac_is_the_vendor_and_three_octets_drawn():
    drawn = iter([0, 171, 255])
    assert new_mac(lambda below: next(drawn)) == "fa:16:3e:00:ab:ff"


def test_an_interface_is_named_after_its_id_and_fits():
    given = FixedIp(uuid="0ab1c2d3-4567-489a-bcde-f01234567890", label="private", address="10.0.0.2", mac="x")
    assert (given.device, given.version) == ("tap0ab1c2d3-45", 4)
    assert len(given.device) == 14
    assert by_label([given]) == {"private": [given]}
    assert by_label([]) == {}


@pytest.mark.parametrize(
    ("given", "label", "reached"),
    [(None, "private", "10.0.0.2"), ("1.2.3.4", "private", "1.2.3.4"), (None, "", None), (None, "public", None)],
)
def test_a_server_is_reached_where_its_owner_said_or_where_it_is(given, label, reached):
    there = FixedIp(uuid="u", label="private", address="10.0.0.2", mac="x")
    assert access(given, [there], label) == reached
    assert access(given, [], label) == given


@pytest.mark.parametrize(("spec", "one"), [({"networks": "none"}, False), ({"networks": "auto"}, True), ({}, False)])
def test_who_wants_an_address(spec, one):
    assert requested(spec) is one
