"""Which tokens a revocation takes back, and which it leaves alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stackwire.core.revocations import Revocations
from stackwire.core.tokens import Claims, TokenSigner

NOW = datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=24)
TOKEN = Claims(
    audit_id="a",
    issued_at=NOW,
    expires_at=LATER,
    methods=("password",),
    user_id="u",
    user_name="demo",
    user_domain_id="d1",
    user_domain_name="D1",
    project_id="p",
    project_name="demo",
    project_domain_id="d2",
    project_domain_name="D2",
    roles=(("r", "member"),),
)


@pytest.mark.parametrize(
    "key", ["audit:a", "user:u", "project:p", "user:u/project:p", "domain:d1", "domain:d2", "role:r"]
)
def test_a_token_answers_to_each_of_its_keys(key: str) -> None:
    revocations = Revocations()
    revocations.add(key, NOW, LATER)
    assert revocations.revoked(TOKEN)


@pytest.mark.parametrize(
    "key",
    ["audit:b", "user:v", "project:q", "user:u/project:q", "user:v/project:p", "domain:d3", "role:s", "system:all",
     "domain-scope:d1", "user:p"],
)  # fmt: skip
def test_other_tokens_are_left_alone(key: str) -> None:
    revocations = Revocations()
    revocations.add(key, NOW, LATER)
    assert not revocations.revoked(TOKEN)


def test_system_and_domain_tokens_have_keys_of_their_own() -> None:
    nowhere = replace(TOKEN, project_id=None, project_domain_id=None)
    revocations = Revocations()
    revocations.add("user:u/system:all", NOW, LATER)
    assert revocations.revoked(replace(nowhere, system=True))
    assert not revocations.revoked(replace(nowhere, domain_id="d1"))
    revocations.add("domain-scope:d1", NOW, LATER)
    assert revocations.revoked(replace(nowhere, domain_id="d1"))


def test_a_token_issued_after_the_revocation_is_good() -> None:
    revocations = Revocations()
    revocations.add("user:u", NOW - timedelta(microseconds=1), LATER)
    assert not revocations.revoked(TOKEN)


def test_an_older_word_does_not_undo_a_newer_one() -> None:
    revocations = Revocations()
    revocations.add("user:u", NOW, LATER)
    revocations.add("user:u", NOW - timedelta(hours=1), LATER)
    assert revocations.revoked(TOKEN)


def test_entries_are_forgotten_when_no_token_can_match_them() -> None:
    revocations = Revocations()
    revocations.add("user:u", NOW, LATER)
    revocations.forget(LATER - timedelta(seconds=1))
    assert len(revocations) == 1
    revocations.forget(LATER)
    assert len(revocations) == 0


def test_the_time_of_issue_survives_the_token_to_the_microsecond() -> None:
    signer = TokenSigner("k" * 32)
    claims = replace(
        TOKEN, issued_at=datetime.now(UTC), expires_at=datetime.now(UTC).replace(microsecond=0) + timedelta(1)
    )
    assert signer.verify(signer.issue(claims)) == claims
