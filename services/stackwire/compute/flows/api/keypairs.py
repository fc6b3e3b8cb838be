"""Key pairs: a public key imported, or a pair made whose private half is shown once and kept nowhere."""

import asyncio

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stackwire.compute.db import keypairs, quotas
from stackwire.compute.domain import ssh_keys
from stackwire.compute.domain.errors import KeyPairExists, KeypairLimitExceeded, KeypairNotFound
from stackwire.compute.domain.model import KeyPair
from stackwire.compute.flows.deps import ApiDeps
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest, NotSimulated
from stackwire.db.pool import UniqueViolation

BITS = 2048


class Keypairs:
    def __init__(self, deps: ApiDeps) -> None:
        self._deps = deps

    async def page(
        self, ctx: RequestContext, user_id: str, limit: int | None, marker: str | None
    ) -> tuple[list[KeyPair], bool]:
        most = 1000 if limit is None else limit
        async with self._deps.database.read() as session:
            if marker is not None and await keypairs.get(session, user_id, marker) is None:
                raise BadRequest(f"marker [{marker[:100]}] not found")
            found = await keypairs.list_page(session, user_id, most + 1, marker)
        return found[:most], len(found) > most

    async def show(self, ctx: RequestContext, user_id: str, name: str) -> KeyPair:
        async with self._deps.database.read() as session:
            found = await keypairs.get(session, user_id, name)
        if found is None:
            raise KeypairNotFound(name=name, user_id=user_id)
        return found

    async def create(
        self, ctx: RequestContext, user_id: str, name: str, public_key: str | None, kind: str, *, relaxed: bool
    ) -> tuple[KeyPair, str | None]:
        """The pair, and the private half when it was made here (PEM, no passphrase)."""
        ssh_keys.check_name(name, relaxed=relaxed)
        if kind == "x509":
            raise NotSimulated(what="key pairs of type x509")
        public, private = (public_key, None) if public_key is not None else await asyncio.to_thread(_made)
        fingerprint = ssh_keys.fingerprint(public)
        try:
            async with self._deps.database.work(ctx) as uow:
                most = (await quotas.limits(uow, ctx.project_id or ""))["key_pairs"]
                if 0 <= most <= await keypairs.count(uow, user_id):
                    raise KeypairLimitExceeded(allowed=most)
                pair = await keypairs.insert(uow, user_id, name, kind, public, fingerprint)
        except UniqueViolation:
            raise KeyPairExists(name=name) from None
        return pair, private

    async def delete(self, ctx: RequestContext, user_id: str, name: str) -> None:
        async with self._deps.database.work(ctx) as uow:
            if not await keypairs.delete(uow, user_id, name):
                raise KeypairNotFound(name=name, user_id=user_id)


def _made() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return f"{public.decode()} Generated-by-Stackwire", private.decode()
