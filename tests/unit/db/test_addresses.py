"""Database URLs: the same server, another database or another role."""

import pytest

from stackwire.db.bootstrap import as_role, with_database

EMBEDDED = "postgresql://postgres@/postgres?host=/run/pg"
REMOTE = "postgresql://me:pw@db.example:6432/cloud?sslmode=require"


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        (EMBEDDED, "postgresql://postgres@/other?host=/run/pg"),
        (REMOTE, "postgresql://me:pw@db.example:6432/other?sslmode=require"),
        ("postgresql:///db?host=/run/pg", "postgresql:///other?host=/run/pg"),
    ],
)
def test_another_database_on_the_same_server(url: str, changed: str) -> None:
    assert with_database(url, "other") == changed


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        (EMBEDDED, "postgresql://postgres@/postgres?host=/run/pg&role=image"),
        (REMOTE, "postgresql://me:pw@db.example:6432/cloud?sslmode=require&role=image"),
        (f"{REMOTE}&role=volume", "postgresql://me:pw@db.example:6432/cloud?sslmode=require&role=image"),
    ],
)
def test_the_same_login_in_another_role(url: str, changed: str) -> None:
    assert as_role(url, "image") == changed
