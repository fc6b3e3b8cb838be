"""Tokens taken back, and whether a token still stands."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from stackwire.contracts.identity import Revocation, TokensRevoked
from stackwire.core.revocations import keys_of
from stackwire.core.tokens import Claims
from stackwire.db.pool import Database
from stackwire.db.unit_of_work import UnitOfWork

_WRITE = """
INSERT INTO revocations (key, before, until) SELECT key, $2, $3 FROM unnest($1::text[]) AS key
    ON CONFLICT (key) DO UPDATE SET before = greatest(revocations.before, excluded.before), until = excluded.until"""

_STANDS = """
SELECT EXISTS (SELECT 1 FROM users u JOIN domains d ON d.id = u.domain_id
                WHERE u.id = $1 AND u.enabled AND d.enabled)
   AND ($2::text IS NULL OR EXISTS (SELECT 1 FROM projects p JOIN domains d ON d.id = p.domain_id
                                     WHERE p.id = $2 AND p.enabled AND d.enabled))
   AND ($3::text IS NULL OR EXISTS (SELECT 1 FROM domains WHERE id = $3 AND enabled))
   AND NOT EXISTS (SELECT 1 FROM revocations WHERE key = ANY ($4::text[]) AND before >= $5)"""


async def revoke(uow: UnitOfWork, lifetime: timedelta, keys: Sequence[str]) -> None:
    """Voids every token of these keys issued until now, and tells the services in the same breath."""
    if not keys:
        return
    until = uow.now + lifetime
    await uow.execute(_WRITE, sorted(set(keys)), uow.now, until)
    uow.fanout(TokensRevoked(revocations=[Revocation(key=key, before=uow.now, until=until) for key in keys]))


async def stands(database: Database, claims: Claims) -> bool:
    """True while the token's user and scope are enabled and nothing revoked it."""
    return bool(
        await database.value(
            _STANDS, claims.user_id, claims.project_id, claims.domain_id, keys_of(claims), claims.issued_at
        )
    )


async def current(database: Database, now: datetime) -> list[Revocation]:
    rows = await database.rows("SELECT key, before, until FROM revocations WHERE until > $1 ORDER BY until", now)
    return [Revocation(**row) for row in rows]


async def forget(uow: UnitOfWork) -> int:
    """Drops what no living token can match any more; answers how many entries that were."""
    return await uow.execute("DELETE FROM revocations WHERE until <= $1", uow.now)
