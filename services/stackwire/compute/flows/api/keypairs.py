"""Key pairs: a public key is imported, or a pair is generated whose private half is returned once and not stored."""

import asyncio

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stackwire.compute.backends import certificates
from stackwire.compute.db import keypairs, quotas
from stackwire.compute.domain import policy, ssh_keys
from stackwire.compute.domain.errors import KeyPairExists, KeypairLimitExceeded, KeypairNotFound
from stackwire.compute.domain.model import KeyPair
from stackwire.compute.domain.notification_payloads import key_payload
from stackwire.compute.domain.requests import CreateKeypairRequest
from stackwire.compute.flows.deps import ApiFlow
from stackwire.contracts.events_compute import KeypairVerb
from stackwire.core.context import RequestContext
from stackwire.core.errors import BadRequest
from stackwire.db.errors import UniqueViolation
from stackwire.db.pool import UnitOfWork

RSA_BITS = 2048


class Keypairs(ApiFlow):
    """``nova/compute/api.py: KeypairAPI``. ``user_id`` None: the caller's; another user's are for administrators."""

    async def list_page(
        self, ctx: RequestContext, user_id: str | None, limit: int, marker: str | None
    ) -> list[KeyPair]:
        """By name; BadRequest for a marker that names no key pair."""
        user_id = self._authorized(ctx, user_id)
        async with self._deps.database.read() as session:
            if marker is not None and await keypairs.get(session, user_id, marker) is None:
                raise BadRequest(f"marker [{marker[:100]}] not found")
            return await keypairs.list_page(session, user_id, limit, marker)

    async def get(self, ctx: RequestContext, user_id: str | None, name: str) -> KeyPair:
        """KeypairNotFound."""
        user_id = self._authorized(ctx, user_id)
        async with self._deps.database.read() as session:
            found = await keypairs.get(session, user_id, name)
        if found is None:
            raise KeypairNotFound(name=name, user_id=user_id)
        return found

    async def create(self, ctx: RequestContext, request: CreateKeypairRequest) -> tuple[KeyPair, str | None]:
        """The pair, and the private half when it was generated here (PEM; of x509 PKCS #12 in base64).

        InvalidKeypair, KeyPairExists, KeypairLimitExceeded.
        """
        user_id = self._authorized(ctx, request.user_id)
        ssh_keys.check_name(request.name, relaxed=request.relaxed_name)
        public_key, private_key = await self._keys(request, user_id)
        fingerprint = (certificates if request.type == "x509" else ssh_keys).fingerprint(public_key)
        try:
            async with self._deps.database.work(ctx) as uow:
                await quotas.lock(uow, user_id)
                limits = [await quotas.limits(uow, ctx.project_id or "", user) for user in (None, ctx.user_id)]
                limit = min(each["key_pairs"] for each in limits)  # none of the two is none of both, as in Nova
                if 0 <= limit <= await keypairs.count(uow, user_id):
                    raise KeypairLimitExceeded(allowed=limit)
                pair = await keypairs.insert(uow, user_id, request.name, request.type, public_key, fingerprint)
                verb: KeypairVerb = "create" if request.public_key is None else "import"
                self._announce(uow, verb, pair, public_key=request.public_key, fingerprint=None)
        except UniqueViolation:
            raise KeyPairExists(name=request.name) from None
        return pair, private_key

    async def _keys(self, request: CreateKeypairRequest, user_id: str) -> tuple[str, str | None]:
        if request.public_key is not None:
            return request.public_key, None
        if request.type == "x509":
            return await asyncio.to_thread(certificates.generate, user_id)
        return await asyncio.to_thread(_generate)

    async def delete(self, ctx: RequestContext, user_id: str | None, name: str) -> None:
        """KeypairNotFound."""
        user_id = self._authorized(ctx, user_id)
        async with self._deps.database.work(ctx) as uow:
            pair = await keypairs.get(uow, user_id, name)
            if pair is None or not await keypairs.delete(uow, user_id, name):
                raise KeypairNotFound(name=name, user_id=user_id)
            self._announce(uow, "delete", pair)

    def _announce(self, uow: UnitOfWork, verb: KeypairVerb, pair: KeyPair, **before: str | None) -> None:
        """Start and end, one format around the other; ``before``: what was otherwise at the start."""
        notifications, ctx = self._deps.notifications, uow.ctx
        legacy = {"tenant_id": ctx.project_id, "user_id": ctx.user_id, "key_name": pair.name}
        notifications.emit(uow, "api", f"keypair.{verb}.start", legacy, pair.name)
        for phase, otherwise in (("start", before), ("end", {})):
            payload = key_payload(pair, **otherwise)
            notifications.emit_versioned(uow, "api", f"keypair.{verb}.{phase}", payload, pair.name)
        notifications.emit(uow, "api", f"keypair.{verb}.end", legacy, pair.name)

    def _authorized(self, ctx: RequestContext, user_id: str | None) -> str:
        user_id = user_id or ctx.user_id or ""
        self._deps.policy.require(ctx, policy.KEYPAIRS, {"user_id": user_id})
        return user_id


def _generate() -> tuple[str, str]:
    """A public key in OpenSSH's format, and its private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return f"{public.decode()} Generated-by-Stackwire", private.decode()
