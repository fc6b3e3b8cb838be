"""The body of a request for a token as an AuthRequest."""

from typing import Any

import pytest
from pydantic import ValidationError

from stackwire.core.errors import BadRequest
from stackwire.identity.domain.requests import ApplicationCredentialLogin, AuthRequest, Scope, Selector
from stackwire.identity.http.schemas.auth import AuthBody

USER = {"name": "demo", "password": "secret", "domain": {"name": "Default"}}


def auth_request(user: Any = USER, scope: Any = None, methods: Any = ("password",), **data: Any) -> AuthRequest:
    identity = {"methods": list(methods), "password": {"user": user}, **data}
    auth = {"identity": identity} if scope is None else {"identity": identity, "scope": scope}
    return AuthBody.model_validate({"auth": auth}).request()


def test_a_user_is_named_by_id_or_by_name_in_a_domain() -> None:
    assert auth_request({"id": "u", "password": "p"}).user == Selector(id="u")
    assert auth_request().user == Selector(name="demo", domain_name="Default")
    by_domain_id = {"name": "demo", "password": "p", "domain": {"id": "default"}}
    assert auth_request(by_domain_id).user == Selector(name="demo", domain_id="default")


def test_keys_that_nobody_knows_are_left_out() -> None:
    """pkgcloud sends ``tenantName``; Keystone's ``token_issue`` allows additional properties everywhere."""
    user = {"id": "u", "password": "p", "x": 1, "domain": {"x": 1}}
    auth = {"identity": {"methods": ["password"], "x": 1, "password": {"user": user, "x": 1}}, "tenantName": "demo"}
    scoped = {**auth, "scope": {"project": {"id": "p", "x": 1}, "x": 1}}
    request = AuthBody.model_validate({"auth": scoped, "x": 1}).request()
    assert request.user == Selector(id="u")
    assert request.scope == Scope(type="project", target=Selector(id="p"))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (None, Scope(type="default")),
        ("unscoped", Scope(type="unscoped")),
        ({"unscoped": {}}, Scope(type="unscoped")),
        ({"system": {"all": True}}, Scope(type="system")),
        ({"project": {"id": "p"}}, Scope(type="project", target=Selector(id="p"))),
        (
            {"project": {"name": "demo", "domain": {"id": "default"}}},
            Scope(type="project", target=Selector(name="demo", domain_id="default")),
        ),
        ({"domain": {"name": "Default"}}, Scope(type="domain", target=Selector(name="Default"))),
        ({"domain": {"id": "default"}}, Scope(type="domain", target=Selector(id="default"))),
    ],
)
def test_every_form_of_scope_is_parsed(scope: Any, expected: Scope) -> None:
    assert auth_request(scope=scope).scope == expected


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"project": None},
        {"project": {}},
        {"project": {"name": "demo"}},
        {"project": {"name": "demo", "domain": {}}},
        {"domain": {}},
        {"system": {"all": "yes"}},
        {"project": {"id": "p"}, "system": {"all": True}},
        {"project": {"id": 7}},
        "everywhere",
        [],
    ],
)
def test_an_incomplete_scope_is_refused(scope: Any) -> None:
    with pytest.raises((ValidationError, BadRequest)):
        auth_request(scope=scope)


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"name": "demo", "password": "p"},
        {"name": "demo", "password": "p", "domain": {}},
        {"id": "u", "password": None},
        {"id": "u", "password": 5},
        "demo",
        None,
    ],
)
def test_an_incomplete_user_is_refused(user: Any) -> None:
    with pytest.raises((ValidationError, BadRequest)):
        auth_request(user)


def test_a_trust_is_a_scope() -> None:
    assert auth_request(scope={"OS-TRUST:trust": {"id": "t"}}).scope == Scope(type="trust", target=Selector(id="t"))
    with pytest.raises(BadRequest):
        auth_request(scope={"OS-TRUST:trust": {}})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"id": "c", "secret": "s"}, ApplicationCredentialLogin(id="c", secret="s")),
        (
            {"name": "ci", "user": {"id": "u", "name": "demo"}},
            ApplicationCredentialLogin(name="ci", user=Selector(id="u")),
        ),
        (
            {"name": "ci", "user": {"name": "demo", "domain": {"id": "default"}}},
            ApplicationCredentialLogin(name="ci", user=Selector(name="demo", domain_id="default")),
        ),
        ({"secret": "s"}, None),
        ({"name": "ci"}, None),
        ({"name": "ci", "user": {"name": "demo"}}, None),
    ],
)
def test_an_application_credential_is_named_by_id_or_by_name_and_user(
    data: Any, expected: ApplicationCredentialLogin | None
) -> None:
    if expected is None:
        with pytest.raises(BadRequest):
            auth_request(methods=["application_credential"], application_credential=data)
    else:
        request = auth_request(methods=["application_credential"], application_credential=data)
        assert (request.application_credential, request.user) == (expected, None)


def test_a_method_needs_its_data() -> None:
    with pytest.raises(BadRequest):
        AuthBody.model_validate({"auth": {"identity": {"methods": ["token"]}}})
    with pytest.raises(BadRequest):
        auth_request(methods=("totp",))


def test_attributes_that_nobody_knows_are_allowed_everywhere() -> None:
    user = {**USER, "tenantName": "demo", "domain": {"name": "Default", "more": 1}}
    assert auth_request(user, {"system": {"more": 1}}, tenantName="demo") == auth_request(
        scope={"system": {"all": True}}
    )


def test_unsupported_methods_are_for_the_flow_to_refuse() -> None:
    request = auth_request(methods=("password", "totp"), totp={"user": {"id": "u", "passcode": "1"}})
    assert request.methods == ("password", "totp")


def test_data_of_an_unused_method_is_ignored() -> None:
    request = AuthBody.model_validate(
        {"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}, "password": {"user": USER}}}}
    ).request()
    assert (request.token, request.user, request.password) == ("t", None, None)
