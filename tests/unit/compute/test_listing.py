"""What a list of servers may be asked for."""

from datetime import UTC, datetime

import pytest

from stackwire.compute.domain.listing import list_servers_request
from stackwire.core.errors import BadRequest, Forbidden


def asked(query, version=(2, 93), *, admin=False):
    return list_servers_request(query, version, project_id="p", every_filter=admin, limit=10)


def test_a_plain_list_is_the_projects_newest_first():
    plain = asked([])
    assert (plain.project_id, plain.deleted, plain.order) == ("p", False, (("created_at", True), ("id", True)))


@pytest.mark.parametrize("query", [[("tenant_id", "q")], [("project_id", "q")], [("host", "h")], [("deleted", "1")]])
def test_filters_for_administrators_are_left_out_for_others(query):
    assert asked(query) == asked([])


def test_an_administrator_lists_all_projects_or_one():
    assert asked([("all_tenants", "1")], admin=True).project_id is None
    assert asked([("all_tenants", ""), ("project_id", "q")], admin=True).project_id == "q"
    assert asked([("tenant_id", "q")], admin=True).project_id == "p", "without all_tenants the filter has no say"


def test_changes_since_shows_deleted_servers_too():
    listing = asked([("changes-since", "2026-01-01T00:00:00Z")])
    assert listing.deleted is None
    assert listing.changed_since == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        [("changes-since", "junk")],
        [("changes-since", "2026-01-02"), ("changes-before", "2026-01-01")],
        [("sort_key", "bogus")],
        [("sort_dir", "up")],
        [("name", "(")],
        [("name", "x" * 256)],
        [("_secret", "1")],
        [("metadata", "x")],
        [("unknown", "x")],
        [("status", "BOGUS")],
        [("locked", "perhaps")],
        [("all_tenants", "perhaps")],
    ],
)
def test_nonsense_is_refused(query):
    with pytest.raises(BadRequest):
        asked(query)


def test_older_versions_overlook_what_they_do_not_know():
    assert asked([("unknown", "x")], (2, 74)) == asked([])
    assert asked([("changes-before", "junk")], (2, 65), admin=True) == asked([], admin=True)
    assert asked([("status", "BOGUS")], (2, 37)).matches_nothing
    assert asked([("changes-before", "2026-01-01")], (2, 65)) == asked([])


def test_a_status_stands_for_states():
    assert asked([("status", "shutoff")]).states[0][0] == "stopped"
    assert asked([("status", "REBUILD")]).states == (
        ("active", ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), ()),
        ("stopped", ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), ()),
        ("error", ("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), ()),
    )


def test_deleted_servers_are_for_administrators():
    with pytest.raises(Forbidden):
        asked([("status", "deleted")])
    assert asked([("status", "deleted")], admin=True).deleted is True


def test_sorting_ends_with_what_is_unique():
    assert asked([("sort_key", "display_name"), ("sort_dir", "asc")]).order == (("display_name", False), ("id", False))
    assert asked([("sort_key", "vcpus")]).order == asked([]).order, "old keys are overlooked"
    with pytest.raises(Forbidden):
        asked([("sort_key", "host")])


def test_an_address_is_found_by_a_pattern():
    assert (asked([("ip", "10.0.")]).ip, asked([("ip6", "fe80:")], (2, 5)).ip6) == ("10.0.", "fe80:")
    assert asked([("ip6", "fe80:")], (2, 4)).ip6 is None, "not for everybody before 2.5"
    with pytest.raises(BadRequest):
        asked([("ip", "10.(")])
