from datetime import UTC, datetime, timedelta

import pytest

from stackwire.core.clock import Clock
from stackwire.core.errors import Unauthorized
from stackwire.core.tokens import Claims, TokenSigner

KEY = "a key that is long enough for the test"
NOW = datetime.now(UTC).replace(microsecond=0)


def claims(**changes: object) -> Claims:
    facts: dict[str, object] = {
        "audit_id": "a",
        "issued_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
        "methods": ("password",),
        "user_id": "u",
        "user_name": "demo",
        "user_domain_id": "default",
        "user_domain_name": "Default",
        "roles": (("r1", "Member"),),
        "project_id": "p",
    }
    return Claims(**{**facts, **changes})


def test_a_token_says_what_was_put_into_it():
    signer = TokenSigner(KEY)
    assert signer.verify(signer.issue(claims())) == claims()


def test_role_names_are_lower_case():
    assert claims().role_names == ("member",)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 20_000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_not_a_token_is_unauthorized(token: str):
    with pytest.raises(Unauthorized):
        TokenSigner(KEY).verify(token)


def test_a_token_signed_with_another_key_is_unauthorized():
    with pytest.raises(Unauthorized):
        TokenSigner(KEY).verify(TokenSigner("another key, as long as the first one").issue(claims()))


def test_an_expired_token_is_unauthorized():
    signer = TokenSigner(KEY)
    with pytest.raises(Unauthorized):
        signer.verify(signer.issue(claims(expires_at=NOW - timedelta(seconds=1))))


async def test_a_token_that_was_good_is_not_for_ever():
    """Its signature is looked at once, its time always."""
    clock = Clock()
    signer = TokenSigner(KEY, clock)
    token = signer.issue(claims(expires_at=NOW + timedelta(hours=1)))
    assert signer.verify(token).user_id == "u"
    await clock.set(NOW + timedelta(hours=1, seconds=1))
    with pytest.raises(Unauthorized):
        signer.verify(token)


async def test_a_token_of_a_cloud_whose_time_is_another_is_good_there():
    clock = Clock()
    signer = TokenSigner(KEY, clock)
    await clock.set(NOW + timedelta(days=365))
    issued = claims(issued_at=clock.now(), expires_at=clock.now() + timedelta(hours=1))
    assert signer.verify(signer.issue(issued)).user_id == "u"


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32"):
        TokenSigner("short")
