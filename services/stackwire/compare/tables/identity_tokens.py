"""The bodies of ``POST /v3/auth/tokens`` (``keystone/auth/schema.py``)."""

from typing import Any

from stackwire.compare.request import Request

DEFAULT = {"name": "Default"}
PASSWORD: dict[str, Any] = {"id": "{any_user}", "password": "compared"}


def _auth(name: str, methods: dict[str, Any], scope: Any = None, unvaried: tuple[str, ...] = ()) -> Request:
    auth = {"identity": {"methods": list(methods), **methods}, **({} if scope is None else {"scope": scope})}
    return Request(f"tokens.{name}", "identity", "POST", "/auth/tokens", body={"auth": auth}, unvaried=unvaried)


REQUESTS = [
    _auth(
        "password",
        {"password": {"user": {"name": "{user_name}", "password": "{password}", "domain": DEFAULT}}},
        {"project": {"name": "{project_name}", "domain": DEFAULT}},
    ),
    _auth(
        "password-id",
        {"password": {"user": PASSWORD}},
        {"project": {"id": "{any_project}"}},
        ("", "auth.identity.methods"),
    ),
    _auth("password-domain", {"password": {"user": PASSWORD}}, {"domain": {"id": "default"}}, ("auth.identity", "")),
    _auth("password-system", {"password": {"user": PASSWORD}}, {"system": {"all": True}}, ("auth.identity", "")),
    _auth("password-unscoped", {"password": {"user": PASSWORD}}, "unscoped", ("auth.identity", "")),
    _auth("password-unscoped-key", {"password": {"user": PASSWORD}}, {"unscoped": {}}, ("auth.identity", "")),
    _auth("token", {"token": {"id": "{token}"}}, {"project": {"id": "{project}"}}),
]
