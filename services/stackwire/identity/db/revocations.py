"""Revoked tokens, and whether a token is still valid."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from stackwire.contracts.identity import Revocation, TokensRevoked
from stackwire.core.revocations import EVERY, keys_of
from stackwire.core.tokens import Claims
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork

_UPSERT = """
INSERT INTO revocations (key, before, until) SELECT key, $2, $3 FROM unnest($1::text[]) AS key
    ON CONFLICT (key) DO UPDATE SET before = greatest(revocations.before, excluded.before), until = excluded.until"""

_IS_VALID = """
SELECT EXISTS (SELECT 1 FROM users u JOIN domains d ON d.id = u.domain_id
                WHERE u.id = $1 AND u.enabled AND d.enabled)
   AND ($2::text IS NULL OR EXISTS (SELECT 1 FROM projects p JOIN domains d ON d.id = p.domain_id
                                     WHERE p.id = $2 AND p.enabled AND d.enabled))
   AND ($3::text IS NULL OR EXISTS (SELECT 1 FROM domains WHERE id = $3 AND enabled))
   AND NOT EXISTS (SELECT 1 FROM revocations WHERE key = ANY ($4::text[]) AND before >= $5)"""


async def revoke(uow: UnitOfWork, lifetime: timedelta, keys: Sequence[str]) -> None:
    """Revokes every token of these keys issued until now, and sends the services ``tokens_revoked``."""
    if not keys:
        return
    until = uow.now + lifetime
    await uow.execute(_UPSERT, sorted(set(keys)), uow.now, until)
    uow.fanout(TokensRevoked(revocations=[Revocation(key=key, before=uow.now, until=until) for key in keys]))


async def restart(uow: UnitOfWork, lifetime: timedelta, now: datetime, ended: bool) -> None:
    """After a reset, which may have set the clock back: what was revoked stays so, what is issued from now on is valid.
    ``ended``: every token until now is revoked."""
    await uow.execute("UPDATE revocations SET before = $1 WHERE before > $1", now)
    if ended:
        await uow.execute(_UPSERT, [EVERY], now, now + lifetime)


async def is_valid(database: Database, claims: Claims) -> bool:
    """True while the token's user and scope are enabled and the token is not revoked."""
    return bool(
        await database.value(
            _IS_VALID, claims.user_id, claims.project_id, claims.domain_id, keys_of(claims), claims.issued_at
        )
    )


async def current(database: Database, now: datetime) -> list[Revocation]:
    """Revocations that a token not yet expired may match, those that end first before others."""
    rows = await database.rows("SELECT key, before, until FROM revocations WHERE until > $1 ORDER BY until", now)
    return [Revocation(**row) for row in rows]


async def delete_expired(uow: UnitOfWork) -> int:
    """Deletes revocations whose tokens have all expired; returns their number."""
    return await uow.execute("DELETE FROM revocations WHERE until <= $1", uow.now)
