"""The body of a request for a token. Source: ``keystone/auth/schema.py``."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from stackwire.http.schema_errors import WholeMessage
from stackwire.identity.domain.errors import MissingAttribute
from stackwire.identity.domain.requests import ApplicationCredentialLogin, AuthRequest, Scope, Selector
from stackwire.identity.http.schemas.entities import Password


class _Auth(BaseModel):
    """Attributes that nobody knows are allowed, null is not (``keystone/auth/schema.py``)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, value: Any) -> Any:
        for name in cls.model_fields.keys() & value.keys() if isinstance(value, dict) else ():
            if value[name] is None:
                raise ValueError(f"has a {name!r} that is null")
        return value


class _DomainReference(_Auth):
    id: StrictStr | None = None
    name: StrictStr | None = None


class _Reference(_Auth):
    id: StrictStr | None = None
    name: StrictStr | None = None
    domain: _DomainReference | None = None

    def selector(self, target: str) -> Selector:
        """By name in a domain where there is a name. Raises MissingAttribute unless it selects one user or project."""
        if not self.name:
            if not self.id and (target == "user" or self.id is self.name is None):
                raise MissingAttribute(attribute="id or name", target=target)
            return Selector(id=self.id or "")
        domain = self.domain
        if domain is None or (domain.id is None and domain.name is None):
            raise MissingAttribute(attribute="domain", target=target)
        return Selector(name=self.name, domain_id=domain.id, domain_name=domain.name if domain.id is None else None)


class _UserCredentials(_Reference):
    password: Password | None = None


class _PasswordMethod(_Auth):
    user: _UserCredentials


class _TokenMethod(_Auth):
    id: StrictStr


class _ApplicationCredentialMethod(_Auth):
    id: StrictStr | None = None
    name: StrictStr | None = None
    secret: Password | None = None
    user: _Reference | None = None

    def login(self) -> ApplicationCredentialLogin:
        """MissingAttribute unless it names one credential. Source: ``keystone/auth/core.py: _lookup_app_cred``."""
        if self.id:
            return ApplicationCredentialLogin(id=self.id, secret=self.secret)
        if not self.name:
            raise MissingAttribute(attribute="name or ID", target="application credential")
        if self.user is None:
            raise MissingAttribute(attribute="user", target="application credential")
        user = Selector(id=self.user.id) if self.user.id else self.user.selector("user")
        return ApplicationCredentialLogin(name=self.name, user=user, secret=self.secret)


class _Identity(_Auth):
    methods: Annotated[list[StrictStr], Field(max_length=8)]
    password: _PasswordMethod | None = None
    token: _TokenMethod | None = None
    application_credential: _ApplicationCredentialMethod | None = None

    @model_validator(mode="after")
    def _each_method_has_its_data(self) -> Self:
        """Also those that are not supported, which are refused later, by name."""
        sent = self.model_fields_set | (self.model_extra or {}).keys()
        for method in self.methods:
            if method not in sent:
                raise MissingAttribute(attribute=method[:100], target="identity")
        return self


class _System(_Auth):
    all: StrictBool = True


class _Trust(_Auth):
    id: StrictStr | None = None


class _Scope(_Auth):
    project: _Reference | None = None
    domain: _DomainReference | None = None
    system: _System | None = None
    trust: Annotated[_Trust | None, Field(alias="OS-TRUST:trust")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self._sent()) != 1:
            raise WholeMessage("Exactly one of project, domain, system and unscoped is expected in scope")
        return self

    def _sent(self) -> set[str]:
        extra = {"unscoped"} & (self.model_extra or {}).keys()
        return extra | (self.model_fields_set & type(self).model_fields.keys())

    def scope(self) -> Scope:
        """Raises MissingAttribute unless it selects one scope."""
        if self.trust is not None:
            if not self.trust.id:
                raise MissingAttribute(attribute="trust_id", target="trust")
            return Scope(type="trust", target=Selector(id=self.trust.id))
        if self.project is not None:
            return Scope(type="project", target=self.project.selector("project"))
        if self.domain is not None:
            if self.domain.id is None and self.domain.name is None:
                raise MissingAttribute(attribute="id or name", target="domain")
            return Scope(type="domain", target=Selector(id=self.domain.id, name=self.domain.name))
        return Scope(type="unscoped" if self.system is None else "system")


class _Authentication(_Auth):
    identity: _Identity
    scope: _Scope | Literal["unscoped"] | None = None


class AuthBody(_Auth):
    """The body of ``POST /v3/auth/tokens``."""

    auth: _Authentication

    def request(self) -> AuthRequest:
        """Raises MissingAttribute when a user or scope is incomplete."""
        identity = self.auth.identity
        user = identity.password.user if identity.password and "password" in identity.methods else None
        tool = identity.application_credential if "application_credential" in identity.methods else None
        return AuthRequest(
            methods=tuple(dict.fromkeys(identity.methods)),
            user=user.selector("user") if user else None,
            password=user.password if user else None,
            token=identity.token.id if identity.token and "token" in identity.methods else None,
            scope=self._scope(),
            application_credential=tool.login() if tool else None,
        )

    def _scope(self) -> Scope:
        scope = self.auth.scope
        if scope is None:
            return Scope(type="default")
        return Scope(type="unscoped") if isinstance(scope, str) else scope.scope()
