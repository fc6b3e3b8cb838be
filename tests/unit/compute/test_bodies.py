"""Bodies: what each version takes, and what none does."""

import pytest

from stackwire.compute.http.schemas.fields import known_at
from stackwire.compute.http.schemas.server_actions import REBUILD_SINCE, Rebuild
from stackwire.compute.http.schemas.servers import CREATE_SINCE, CREATE_UNTIL, CreateServer, parse_create_server
from stackwire.compute.http.to_domain import create_server_request, rebuild_server_request
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import read

IMAGE = "11111111-1111-4111-8111-111111111111"


def a_server(**fields):
    return {"server": {"name": "s", "flavorRef": "6f2c1d9e-5b7a-4c3d-9e8f-1a2b3c4d5e01", "imageRef": IMAGE, **fields}}


def wish(version=93, **fields):
    return create_server_request(read(CreateServer, a_server(**fields)), Microversion(2, version))


def parse(version, **fields):
    return parse_create_server(a_server(**{"networks": "none"} | fields), Microversion(2, version))


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": 1},
        {"name": ""},
        {"name": " "},
        {"name": "x" * 256},
        {"name": "a\nb"},
        {"name": "a\U0001f4be"},
        {"availability_zone": "\U0001f4be"},
        {"flavorRef": ""},
        {"flavorRef": None},
        {"imageRef": "img"},
        {"min_count": 0},
        {"min_count": "x"},
        {"max_count": -1},
        {"min_count": 3, "max_count": 2},
        {"metadata": {"a/b": "v"}},
        {"metadata": {"a": "v" * 256}},
        {"metadata": {"a": 1}},
        {"metadata": {"": "v"}},
        {"config_drive": "maybe"},
        {"accessIPv4": "::1"},
        {"accessIPv6": "10.0.0.1"},
        {"accessIPv6": "fe80::1%eth0"},
        {"tags": ["a,b"]},
        {"tags": ["x" * 61]},
        {"networks": "some"},
        {"networks": [{"uuid": "x"}]},
        {"hostname": "x_y/z"},
        {"accessIPv4": ""},
        {"networks": None},
        {"OS-DCF:diskConfig": "SOMETIMES"},
        {"block_device_mapping_v2": [{"source_type": "floppy"}]},
        {"block_device_mapping_v2": [{"destination_type": "moon"}]},
        {"block_device_mapping_v2": [{"boot_index": 1.5}]},
        {"block_device_mapping_v2": [{"boot_index": "abc"}]},
        {"block_device_mapping_v2": [{"unknown": 1}]},
        {"block_device_mapping_v2": [{"volume_size": -1}]},
        {"block_device_mapping_v2": [{"volume_size": 2**31}]},
        {"block_device_mapping_v2": [{"delete_on_termination": "maybe"}]},
        {"block_device_mapping_v2": [{"device_name": "a b"}]},
        {"block_device_mapping_v2": [{"tag": "a/b"}]},
        {"block_device_mapping": [{"volume_id": "x"}]},
    ],
)
def test_a_field_that_is_not_right_is_refused(fields):
    with pytest.raises(BadRequest):
        wish(**fields)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0000:0000:0000:0000:0000:babe:220.12.22.2", "::babe:dc0c:1602"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1")],
)
def test_an_address_is_kept_in_its_shortest_form(given, kept):
    assert wish(accessIPv6=given).access_ip_v6 == kept


def test_numbers_may_come_as_text_and_flags_as_words():
    made = wish(min_count="2", config_drive="yes", block_device_mapping_v2=[{"volume_size": "1", "boot_index": "0"}])
    assert (made.count, made.config_drive) == (2, True)
    assert (made.devices_v2[0]["volume_size"], made.devices_v2[0]["boot_index"]) == (1, 0)


@pytest.mark.parametrize(("networks", "meant"), [("none", "none"), ("auto", "auto"), ([], "auto")])
def test_networks_are_none_or_automatic(networks, meant):
    assert wish(networks=networks).networks == meant


def test_before_2_19_a_server_is_described_by_its_name():
    assert wish(18).description == "s"
    assert wish(19).description is None


def test_a_whole_domain_name_is_a_host_name_since_2_94():
    assert parse(94, hostname="a.example.org").server.hostname == "a.example.org"
    for label in ("a.example.org", "a", "-a", "a" * 64):
        with pytest.raises(BadRequest):
            parse(93, hostname=label)


SINCE = [(CREATE_SINCE, name, version) for name, version in CREATE_SINCE.items()] + [
    (REBUILD_SINCE, name, version) for name, version in REBUILD_SINCE.items()
]


@pytest.mark.parametrize(("table", "name", "version"), SINCE)
def test_a_field_is_unknown_before_its_version(table, name, version):
    known_at({name: 1}, Microversion(*version), table)
    with pytest.raises(BadRequest, match=name):
        known_at({name: 1}, Microversion(version[0], version[1] - 1), table)


def test_personality_is_unknown_since_2_57():
    known_at({"personality": []}, Microversion(2, 56), {}, CREATE_UNTIL)
    with pytest.raises(BadRequest):
        known_at({"personality": []}, Microversion(2, 57), {}, CREATE_UNTIL)


def test_a_rebuild_distinguishes_null_from_nothing():
    made = rebuild_server_request(
        read(Rebuild, {"imageRef": IMAGE, "key_name": None, "description": None}), Microversion(2, 93)
    )
    assert made.fields_set == {"key_name", "description"}
    assert made.reimage
    assert not rebuild_server_request(read(Rebuild, {"imageRef": IMAGE}), Microversion(2, 92)).reimage


@pytest.mark.parametrize("reference", ["6", "http://cloud:8774/v2.1/flavors/6", "/flavors/6", "flavors/6?a=b"])
def test_a_flavor_may_be_given_as_a_link(reference):
    assert wish(flavorRef=reference).flavor_ref == "6"


@pytest.mark.parametrize(("field", "versions"), [("block_device_mapping_v2", {32}), ("networks", {32, 33, 36})])
def test_tags_of_devices_and_networks_went_for_a_while(field, versions):
    tagged = {"block_device_mapping_v2": {"source_type": "blank"}, "networks": {"uuid": IMAGE}}[field]
    for version in (31, 32, 33, 36, 37, 41, 42):
        fields = {"networks": [], field: [{**tagged, "tag": "t"}]}
        if version in versions or version >= 42:
            parse(version, **fields)
        else:
            with pytest.raises(BadRequest, match="tag"):
                parse(version, **fields)
