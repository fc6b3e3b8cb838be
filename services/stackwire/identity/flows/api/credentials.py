"""Credentials of other kinds than passwords, EC2 keys above all.

Source: ``keystone/api/credentials.py``, ``keystone/api/users.py``, ``keystone/credential/core.py``.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from stackwire.core.context import RequestContext
from stackwire.db.errors import ForeignKeyViolation, UniqueViolation
from stackwire.db.session import Session
from stackwire.identity.backends.sealing import Sealing
from stackwire.identity.db import credentials
from stackwire.identity.domain import errors
from stackwire.identity.domain.delegation import check_may_read_credentials, may_read_credentials
from stackwire.identity.domain.entities import PROJECT, USER, Row
from stackwire.identity.domain.requests import CredentialRequest
from stackwire.identity.flows.api.directory import new_entity_id
from stackwire.identity.flows.deps import IdentityDeps, require_exists

EC2_TYPE = "ec2"
_FIXED_BLOB_KEYS = ("trust_id", "app_cred_id", "access_token_id", "access_id")


def access_key_id(access: str) -> str:
    """The id of an EC2 credential: nobody need know its access key to speak of it."""
    return hashlib.sha256(access.encode()).hexdigest()


class Credentials:
    """What requests do with credentials; their rows have a ``blob``, opened."""

    def __init__(self, deps: IdentityDeps, sealing: Sealing) -> None:
        self._deps = deps
        self._sealing = sealing

    async def create(self, ctx: RequestContext, request: CredentialRequest) -> Row:
        """DuplicateEntry for an access key in use, InvalidBlob for an EC2 credential without one."""
        self._deps.check_allowed(ctx, "create_credential", {"target.credential.user_id": request.user_id})
        check_may_read_credentials(self._deps.caller(ctx))
        is_ec2 = request.type.lower() == EC2_TYPE
        id = access_key_id(_access_blob(request.blob)["access"]) if is_ec2 else new_entity_id()
        return await self._insert(ctx, id, request)

    async def find(self, ctx: RequestContext, filters: Mapping[str, str]) -> list[Row]:
        """Those that the caller may see; with a delegated token none."""
        target = {} if ctx.system_scope else {"target.credential.user_id": ctx.user_id}
        self._deps.check_allowed(ctx, "list_credentials", target)
        if not may_read_credentials(self._deps.caller(ctx)):
            return []
        async with self._deps.database.read() as session:
            rows = await credentials.find(session, filters)
        found = []
        for row in rows:
            with suppress(errors.ForbiddenAction):
                self._deps.check_allowed(ctx, "get_credential", {"target.credential.user_id": row["user_id"]})
                found.append(self._opened(row))
        return found

    async def get(self, ctx: RequestContext, id: str, rule: str = "get_credential") -> Row:
        """EntityNotFound only to those who may read it."""
        async with self._deps.database.read() as session:
            row = await credentials.get(session, id)
        self._deps.check_allowed(ctx, rule, {"target.credential.user_id": row["user_id"]} if row else {})
        if row is None:
            raise errors.EntityNotFound(entity="credential", id=id)
        check_may_read_credentials(self._deps.caller(ctx))
        return self._opened(row)

    async def update_blob(self, ctx: RequestContext, id: str, blob: str | None) -> Row:
        """The blob alone can change, and of an EC2 credential only what does not make it good for more."""
        row = await self.get(ctx, id, "update_credential")
        if blob is None:
            return row
        if row["type"].lower() == EC2_TYPE:
            old, new = json.loads(row["blob"]), _access_blob(blob)
            changed = next((key for key in _FIXED_BLOB_KEYS if old.get(key) != new.get(key)), None)
            if changed is not None:
                raise errors.InvalidBlob(f"{changed} can not be updated for credential")
        async with self._deps.database.work(ctx) as uow:
            await credentials.update_blob(uow, id, self._sealing.sealed(blob))
        return {**row, "blob": blob}

    async def delete(self, ctx: RequestContext, id: str) -> None:
        """EntityNotFound for an unknown one."""
        await self.get(ctx, id, "delete_credential")
        async with self._deps.database.work(ctx) as uow:
            await credentials.delete(uow, id)

    # -- the same as EC2 keys of a user

    async def create_keys(self, ctx: RequestContext, user_id: str, project_id: str | None) -> Row:
        """A new pair of access key and secret for a user in a project."""
        self._deps.check_allowed(ctx, "ec2_create_credential", {"target.credential.user_id": user_id})
        async with self._deps.database.read() as session:
            await require_exists(session, USER, user_id)
            await require_exists(session, PROJECT, str(project_id))
        check_may_read_credentials(self._deps.caller(ctx))
        blob = {"access": new_entity_id(), "secret": new_entity_id(), "trust_id": None}
        request = CredentialRequest(
            user_id=user_id, project_id=project_id, type=EC2_TYPE, blob=json.dumps(blob), extra={}
        )
        return await self._insert(ctx, access_key_id(str(blob["access"])), request)

    async def find_keys(self, ctx: RequestContext, user_id: str) -> list[Row]:
        """A user's pairs of keys."""
        self._deps.check_allowed(ctx, "ec2_list_credentials", {"user_id": user_id})
        check_may_read_credentials(self._deps.caller(ctx))
        async with self._deps.database.read() as session:
            await require_exists(session, USER, user_id)
            rows = await credentials.find(session, {"user_id": user_id, "type": EC2_TYPE})
        return [self._opened(row) for row in rows]

    async def get_keys(self, ctx: RequestContext, user_id: str, access: str, rule: str = "ec2_get_credential") -> Row:
        """By the access key."""
        id = access_key_id(access)
        async with self._deps.database.read() as session:
            row = await credentials.get(session, id)
            if row is None:
                raise errors.EntityNotFound(entity="credential", id=id)
            self._deps.check_allowed(ctx, rule, {"target.credential.user_id": row["user_id"]})
            await require_exists(session, USER, user_id)
        check_may_read_credentials(self._deps.caller(ctx))
        return self._opened(row)

    async def delete_keys(self, ctx: RequestContext, user_id: str, access: str) -> None:
        """Requests signed with the secret are refused from now on."""
        row = await self.get_keys(ctx, user_id, access, "ec2_delete_credential")
        async with self._deps.database.work(ctx) as uow:
            await credentials.delete(uow, row["id"])

    async def signed_with(self, session: Session, access: str) -> Row:
        """The EC2 credential that a request names; AccessKeyNotFound."""
        row = await credentials.get(session, access_key_id(access))
        if row is None or row["type"].lower() != EC2_TYPE:
            raise errors.AccessKeyNotFound
        return self._opened(row)

    async def _insert(self, ctx: RequestContext, id: str, request: CredentialRequest) -> Row:
        row = {
            "id": id,
            "user_id": request.user_id,
            "project_id": request.project_id,
            "type": request.type,
            "encrypted_blob": self._sealing.sealed(request.blob),
            "extra": dict(request.extra),
        }
        try:
            async with self._deps.database.work(ctx) as uow:
                await credentials.insert(uow, row)
        except UniqueViolation as error:
            raise errors.DuplicateCredential(id=id) from error
        except ForeignKeyViolation as error:
            raise errors.EntityNotFound(entity="user", id=request.user_id) from error
        return {**row, "blob": request.blob}

    def _opened(self, row: Row) -> Row:
        return {**row, "blob": self._sealing.opened(row["encrypted_blob"])}


def _access_blob(text: str) -> Mapping[str, Any]:
    """What an EC2 credential is: JSON that has an access key."""
    try:
        blob = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.InvalidBlob from None
    if not blob or not isinstance(blob, dict):
        raise errors.MissingAttribute(attribute="blob", target="credential")
    if not isinstance(blob.get("access"), str):
        raise errors.MissingAttribute(attribute="access", target="credential")
    return blob
