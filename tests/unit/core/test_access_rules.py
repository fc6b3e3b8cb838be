"""Which requests an access rule allows, as keystonemiddleware reads its path."""

import pytest

from stackwire.core.access_rules import any_allows

SERVERS = "/v2.1/servers"


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        (SERVERS, SERVERS, True),
        (SERVERS, f"{SERVERS}/", False),
        (SERVERS, f"{SERVERS}/detail", False),
        (f"{SERVERS}/*", f"{SERVERS}/x", True),
        (f"{SERVERS}/*", f"{SERVERS}/", False),
        (f"{SERVERS}/*", f"{SERVERS}/x/metadata", False),
        (f"{SERVERS}/*/metadata", f"{SERVERS}/x/metadata", True),
        (f"{SERVERS}/{{id}}", f"{SERVERS}/x", True),
        (f"{SERVERS}/{{id}}/action", f"{SERVERS}/x/y/action", False),
        ("/v2.1/**", f"{SERVERS}/x/metadata", True),
        ("/v2.1/**", "/v2.1/", True),
        ("/v3/{project_id}/**", "/v3/p/volumes/x/action", True),
        ("**", "/anything/at/all", True),
        ("/v2/images/{id}", "/v2/images/x.y", True),
    ],
)
def test_a_pattern_means_what_it_means_to_keystonemiddleware(pattern: str, path: str, allowed: bool) -> None:
    assert any_allows([("compute", pattern, "GET")], ["compute"], "GET", path) is allowed


def test_what_is_no_pattern_is_itself() -> None:
    """Keystonemiddleware takes a dot for any character, and fails at a bracket."""
    for literal in ("/v2.1/servers", "/v2/images/[x", "/v2/images/(a+)+$", "/v2/{"):
        assert any_allows([("image", literal, "GET")], ["image"], "GET", literal)
    assert not any_allows([("image", "/v2.1/x", "GET")], ["image"], "GET", "/v2x1/x")


def test_a_rule_is_about_one_service_and_one_method() -> None:
    rules = [("compute", SERVERS, "GET"), ("volumev3", "/v3/**", "POST")]
    assert not any_allows(rules, ["compute"], "POST", SERVERS)
    assert not any_allows(rules, ["image"], "GET", SERVERS)
    assert any_allows(rules, ["block-storage", "volumev3"], "POST", "/v3/p/volumes")
    assert not any_allows(rules, [], "GET", SERVERS)
