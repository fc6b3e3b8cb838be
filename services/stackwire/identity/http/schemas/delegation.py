"""Bodies of application credentials, trusts and credentials.

Source: ``keystone/application_credential/schema.py``, ``keystone/trust/schema.py``, ``keystone/credential/schema.py``.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from stackwire.core.errors import BadRequest
from stackwire.http.request import read
from stackwire.http.schema_errors import JsonType, WholeMessage
from stackwire.identity.domain.requests import (
    ApplicationCredentialRequest,
    CredentialRequest,
    RoleReference,
    TrustRequest,
)
from stackwire.identity.http.schemas.entities import GivenId, LongName, Password, _Closed, _not_null

_GivenName = Annotated[LongName | None, BeforeValidator(_not_null), JsonType(("string",))]
_GivenText = Annotated[StrictStr | None, BeforeValidator(_not_null), JsonType(("string",))]
_Path = Annotated[StrictStr, Field(max_length=225, pattern=r"^/\.*")]
_Method = Literal["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]


class _Role(_Closed):
    id: GivenId = None
    name: _GivenName = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("has too many properties" if self.model_fields_set else "should be non-empty")
        return self

    def reference(self) -> RoleReference:
        """The role that is meant."""
        return RoleReference(id=self.id, name=self.name)


class _AccessRule(_Closed):
    id: _GivenText = None
    path: Annotated[_Path | None, BeforeValidator(_not_null), JsonType(("string",))] = None
    service: GivenId = None
    method: Annotated[_Method | None, BeforeValidator(_not_null), JsonType(("string",))] = None

    @model_validator(mode="after")
    def _whole_or_by_id(self) -> Self:
        if self.id is None and None in (self.path, self.service, self.method):
            raise WholeMessage("An access rule has an id, or service, path and method.")
        return self


class _ApplicationCredential(_Closed):
    id: _GivenText = None
    name: LongName
    description: Annotated[StrictStr, Field(max_length=255)] | None = None
    secret: Password | None = None
    project_id: Annotated[StrictStr, Field(max_length=64)] | None = None
    expires_at: StrictStr | None = None
    unrestricted: StrictBool | None = None
    roles: list[_Role] = []
    access_rules: list[_AccessRule] = []
    system: StrictStr | None = None


class _ApplicationCredentialBody(_Closed):
    application_credential: _ApplicationCredential


def application_credential(body: Any) -> ApplicationCredentialRequest:
    """The body of ``POST /v3/users/{id}/application_credentials``. Its id and project are not the caller's to give."""
    wanted = read(_ApplicationCredentialBody, body).application_credential
    return ApplicationCredentialRequest(
        name=wanted.name,
        description=wanted.description,
        secret=wanted.secret,
        expires_at=wanted.expires_at,
        unrestricted=wanted.unrestricted,
        roles=tuple(role.reference() for role in wanted.roles),
        access_rules=tuple(rule.model_dump(exclude_none=True) for rule in wanted.access_rules),
    )


class _Trust(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    trustor_user_id: StrictStr
    trustee_user_id: StrictStr
    impersonation: StrictBool
    project_id: StrictStr | None = None
    remaining_uses: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)] | None = None
    expires_at: StrictStr | None = None
    allow_redelegation: StrictBool | None = None
    redelegation_count: Annotated[StrictInt, Field(ge=0)] | None = None
    redelegated_trust_id: StrictStr | None = None
    roles: list[_Role] = []


class _TrustBody(_Closed):
    trust: _Trust


_KEPT_OUT = frozenset({"id", "links", "roles_links", "deleted_at"})


def trust(body: Any) -> TrustRequest:
    """The body of ``POST /v3/OS-TRUST/trusts``; what nobody knows is kept."""
    wanted = read(_TrustBody, body).trust
    return TrustRequest(
        trustor_user_id=wanted.trustor_user_id,
        trustee_user_id=wanted.trustee_user_id,
        impersonation=wanted.impersonation,
        project_id=wanted.project_id or None,
        expires_at=wanted.expires_at,
        remaining_uses=wanted.remaining_uses,
        allow_redelegation=bool(wanted.allow_redelegation),
        redelegation_count=wanted.redelegation_count,
        roles=tuple(role.reference() for role in wanted.roles),
        extra={key: value for key, value in (wanted.model_extra or {}).items() if key not in _KEPT_OUT},
    )


class _Credential(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    id: _GivenText = None
    blob: StrictStr
    project_id: Annotated[StrictStr, Field(max_length=64)] | None = None
    type: Annotated[StrictStr, Field(max_length=255)]
    user_id: StrictStr

    @model_validator(mode="after")
    def _keys_are_for_a_project(self) -> Self:
        if self.type == "ec2" and not self.project_id:
            raise WholeMessage("Invalid input for field/attribute credential. 'project_id' is a required property")
        return self


class _CredentialBody(_Closed):
    credential: _Credential


def credential(body: Any) -> CredentialRequest:
    """The body of ``POST /v3/credentials``."""
    wanted = read(_CredentialBody, body).credential
    return CredentialRequest(
        user_id=wanted.user_id,
        project_id=wanted.project_id,
        type=wanted.type,
        blob=wanted.blob,
        extra={key: value for key, value in (wanted.model_extra or {}).items() if key not in _KEPT_OUT},
    )


class _CredentialChange(_Closed):
    blob: StrictStr


class _CredentialChangeBody(_Closed):
    credential: _CredentialChange


def changed_blob(body: Any) -> str:
    """The body of ``PATCH /v3/credentials/{id}``."""
    return read(_CredentialChangeBody, body).credential.blob


def tenant_id(body: Any) -> str | None:
    """The body of ``POST /v3/users/{id}/credentials/OS-EC2``: what is no project is not found."""
    if not isinstance(body, dict):
        raise BadRequest("Expecting to find valid JSON in request body.")
    value = body.get("tenant_id")
    return None if value is None else str(value)


def signed_request(body: Any) -> dict[str, Any]:
    """The body of ``POST /v3/ec2tokens``: any of three keys is as good."""
    if not isinstance(body, dict) or not body:
        raise BadRequest("request must include a request body")
    found = body.get("credentials") or body.get("credential") or body.get("ec2Credentials")
    return found if isinstance(found, dict) else {}
