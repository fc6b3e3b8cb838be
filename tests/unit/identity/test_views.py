"""Response bodies: tokens, the catalogue, entities with their extra attributes."""

from dataclasses import replace
from datetime import UTC, datetime

from stackwire.core.tokens import Claims
from stackwire.identity.domain.catalog import Catalog, by_settings, catalog_services, changed, filled, is_url
from stackwire.identity.domain.entities import USER
from stackwire.identity.http.catalog_views import catalog_view
from stackwire.identity.http.views import entity_view, token_view

CLAIMS = Claims(
    audit_id="a1",
    issued_at=datetime(2026, 11, 20, 21, 23, 39, tzinfo=UTC),
    expires_at=datetime(2026, 11, 21, 21, 23, 39, tzinfo=UTC),
    methods=("password",),
    user_id="u",
    user_name="demo",
    user_domain_id="default",
    user_domain_name="Default",
)
IN_PROJECT = replace(
    CLAIMS,
    project_id="p",
    project_name="demo",
    project_domain_id="default",
    project_domain_name="Default",
    roles=(("r1", "member"), ("r2", "reader")),
)
SERVICES = catalog_services(
    ("http://i", "http://i"), ("http://g/", "http://g"), ("http://c", "http://c"), ("http://n", "http://n")
)


def test_an_unscoped_token_has_neither_roles_nor_catalogue() -> None:
    assert set(token_view(CLAIMS, [])) == {"methods", "user", "audit_ids", "expires_at", "issued_at"}


def test_a_project_token_shows_project_roles_and_catalogue() -> None:
    view = token_view(IN_PROJECT, [{"type": "image"}])
    assert view["project"] == {"id": "p", "name": "demo", "domain": {"id": "default", "name": "Default"}}
    assert view["is_domain"] is False
    assert [role["name"] for role in view["roles"]] == ["member", "reader"]
    assert view["catalog"] == [{"type": "image"}]
    assert view["expires_at"] == "2026-11-21T21:23:39.000000Z"


def test_the_catalogue_can_be_left_out() -> None:
    assert "catalog" not in token_view(IN_PROJECT, None)


def test_domain_and_system_tokens_have_their_scope() -> None:
    assert token_view(replace(CLAIMS, domain_id="d", domain_name="D"), [])["domain"] == {"id": "d", "name": "D"}
    assert token_view(replace(CLAIMS, system=True), [])["system"] == {"all": True}


def test_a_token_issued_for_another_has_both_audit_ids() -> None:
    assert token_view(replace(CLAIMS, audit_chain_id="a0"), [])["audit_ids"] == ["a1", "a0"]


def test_the_catalogue_has_three_interfaces_one_region_and_the_project_in_the_volume_urls() -> None:
    view = {service["type"]: service["endpoints"] for service in catalog_view(by_settings(SERVICES, "RegionOne"), "p1")}
    assert set(view) == {"identity", "image", "volumev3", "block-storage", "compute"}
    urls = {kind: endpoints[0]["url"] for kind, endpoints in view.items()}
    assert urls == {
        "identity": "http://i/v3",
        "image": "http://g",
        "volumev3": "http://c/v3/p1",
        "block-storage": "http://c/v3/p1",
        "compute": "http://n/v2.1",
    }
    for endpoints in view.values():
        assert [endpoint["interface"] for endpoint in endpoints] == ["public", "internal", "admin"]
        assert {endpoint["region"] for endpoint in endpoints} == {"RegionOne"}


def test_an_endpoint_that_needs_a_project_is_not_shown_without_one() -> None:
    view = {service["type"]: service["endpoints"] for service in catalog_view(by_settings(SERVICES, "RegionOne"), None)}
    assert view["volumev3"] == []
    assert len(view["compute"]) == 3


def test_ids_of_endpoints_are_the_same_after_every_start() -> None:
    assert catalog_view(by_settings(SERVICES, "R"), "p") == catalog_view(by_settings(SERVICES, "R"), "p")


def with_changes(**stored: dict[str, object]) -> Catalog:
    """The catalogue of the settings with one row over it, by kind: of the compute service or of its public endpoint."""
    known = by_settings(SERVICES, "R")
    service = next(row for row in known.services.values() if row["type"] == "compute")
    endpoint = known.endpoints_of(service["id"])[0]
    rows = {"service": service, "endpoint": endpoint}
    return changed(known, {kind: [{**rows[kind], "deleted": False, **row}] for kind, row in stored.items()})


def test_a_changed_row_stands_for_that_of_the_settings() -> None:
    def compute(catalog: Catalog) -> list[str] | None:
        view = {service["type"]: service["endpoints"] for service in catalog_view(catalog, "p")}
        return [each["url"] for each in view["compute"]] if "compute" in view else None

    whole = "http://n/v2.1"
    assert compute(with_changes(endpoint={"url": "http://x/%(tenant_id)s"})) == ["http://x/p", whole, whole]
    assert compute(with_changes(endpoint={"url": None})) == [whole, whole, whole]
    assert compute(with_changes(endpoint={"enabled": False})) == [whole, whole]
    assert compute(with_changes(endpoint={"deleted": True})) == [whole, whole]
    assert compute(with_changes(service={"enabled": False})) is None
    assert compute(with_changes(service={"deleted": True})) is None
    assert not any(row["url"] == whole for row in with_changes(service={"deleted": True}).endpoints.values())


def test_what_stands_in_a_url_is_filled_in_or_the_url_is_of_no_use() -> None:
    known = {"project_id": "p", "tenant_id": "p", "user_id": None}
    assert filled("http://x/%(project_id)s/$(tenant_id)s", known) == "http://x/p/p"
    assert filled("http://x/%(user_id)s", known) is None
    assert filled("http://x/%20", known) == "http://x/%20"
    assert is_url("http://x/%(project_id)s/$(user_id)s")
    assert not any(is_url(url) for url in ("http://x/%(nothing)s", "http://x/%(project_id)d", "http://x/%"))


def test_extra_attributes_are_shown_but_never_hide_the_real_ones_or_the_hash() -> None:
    row = {
        "id": "u",
        "name": "demo",
        "password_hash": "h",
        "default_project_id": None,
        "extra": {"email": "e", "id": "x"},
    }
    view = entity_view(USER, row, "http://i")
    assert view == {
        "id": "u",
        "name": "demo",
        "email": "e",
        "options": {},
        "password_expires_at": None,
        "links": {"self": "http://i/v3/users/u"},
    }
