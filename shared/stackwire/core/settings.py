"""Settings every service has; each service adds its own and reads them once, in ``__main__``."""

import logging
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from stackwire.core.behaviours import Behaviours, behaviours_of
from stackwire.core.settings_files import FilesSource, file_names, with_password

log = logging.getLogger(__name__)

Role = Literal["api", "worker", "all"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
PUBLIC_SECRETS = ("secret", "stackwire", "only-good-enough-for-the-loopback-address", "guest")
"""Passwords and keys that stand in this repository, and RabbitMQ's own."""
JOINED = {"database_url": "database_password", "amqp_url": "amqp_password", "management_url": "amqp_password"}
"""URLs that may have a user without a password, and the setting that has it."""


class RenamedSettingsSource(PydanticBaseSettingsSource):
    """Environment variables with the names that settings had before; each is used with a warning."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: ``__call__`` reads all of them."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        renamed: Mapping[str, str] = getattr(self.settings_cls, "renamed", {})
        for old, new in renamed.items():
            for prefix in (self.config.get("env_prefix") or "", "STACKWIRE_"):
                name = f"{prefix}{old}".upper()
                if name in os.environ and new not in found:
                    log.warning("%s is deprecated: use %s", name, f"{prefix}{new}".upper())
                    found[new] = os.environ[name]
        return found


def is_public(text: str) -> bool:
    """Whether everybody knows it."""
    return text in PUBLIC_SECRETS


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches what listens there; of names only ``localhost`` is known to."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class ServiceSettings(BaseSettings):
    """Read from the environment: ``STACKWIRE_<SERVICE>_<FIELD>`` (the subclass's prefix) before ``STACKWIRE_<FIELD>``.
    With ``_FILE`` appended it names a file with the text, as secrets of containers are (``core.settings_files``).

    ``database_url`` is a PostgreSQL URL of the service's own role; ``amqp_url`` is ``memory`` or ``amqp(s)://...``;
    ``database_password`` and ``amqp_password`` are for URLs that name a user and no password.
    ``*_url`` are the other services' base URLs as this service reaches them; ``public_url`` is the URL for clients.
    ``trace_http`` emits each answered request on the bus, for the tracer; unset it does on the in-process bus only.

    ``certificate_dir``, ``barbican_url``: where the certificates of signed images are, files named by uuid or secrets.
    ``published_address``: where clients reach the port, when ``host`` is an address inside a container. On another
    address than the loopback no password and no key of PUBLIC_SECRETS is accepted.
    ``max_connections``: of clients to the API at once; a further one is answered 503.
    ``fault_injection``: obeys the fault rules of the admin port on this bus (``stackwire serve admin``).
    ``lease_seconds``: how long a process keeps the rows it works on without renewing its leases on them.
    ``bus_key``: with which services sign their messages, of 32 characters at least; messages without its signature are
    refused, but on the topics of ``bus_unsigned`` (``*``: all).
    ``health_port``: of ``/healthcheck`` and ``/metrics``, for a process without an API; where an API's process has one,
    the API's own port has no metrics. ``disk_free_limit``: bytes; with less the process is not ready.
    ``drain_seconds``: how long requests, and then messages, that are under way may still take when the process is
    stopped; ``drain_delay``: how long it is not ready, and still listens, before that.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_")

    host: str = "127.0.0.1"
    published_address: str = ""
    port: int = 0
    database_url: str = ""
    database_password: str = Field(default="", repr=False)
    amqp_url: str = "memory"
    amqp_password: str = Field(default="", repr=False)
    data_dir: Path = Path(".stackwire")
    region: str = "RegionOne"
    token_key: str = Field(default="", repr=False)
    token_hours: int = 24
    release: str = "current"
    with_bugs: Annotated[tuple[str, ...], NoDecode] = ()
    role: Role = "all"
    identity_url: str = "http://127.0.0.1:5000"
    image_url: str = "http://127.0.0.1:9292"
    volume_url: str = "http://127.0.0.1:8776"
    compute_url: str = "http://127.0.0.1:8774"
    public_url: str = ""
    policy_file: Path | None = None
    keystone_url: str = ""
    keystone_user: str = ""
    keystone_password: str = Field(default="", repr=False)
    debug: bool = False
    pool_size: int = 8
    max_connections: int = Field(default=1000, gt=0)
    sweep_seconds: float = 30.0
    certificate_dir: Path | None = None
    barbican_url: str = ""
    lease_seconds: float = 15.0
    trace_http: bool | None = None
    fault_injection: bool = False
    log_format: LogFormat = "text"
    log_level: LogLevel = "info"
    bus_key: str = Field(default="", repr=False)
    bus_unsigned: Annotated[tuple[str, ...], NoDecode] = ()
    health_port: int | None = Field(default=None, ge=0, le=65535)
    disk_free_limit: int = Field(default=64 * 2**20, ge=0)
    drain_seconds: float = Field(default=10.0, ge=0)
    drain_delay: float = Field(default=0.0, ge=0)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Old name -> name, of settings whose old environment variable is still read."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        everywhere = EnvSettingsSource(settings_cls, env_prefix="STACKWIRE_")
        files = FilesSource(settings_cls)
        return init_settings, env_settings, everywhere, files, RenamedSettingsSource(settings_cls)

    @field_validator("with_bugs", "bus_unsigned", "allowed_hosts", mode="before", check_fields=False)
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _join_passwords(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for url, password in JOINED.items():
                if isinstance(values.get(url), str) and isinstance(values.get(password), str):
                    values[url] = with_password(values[url], values[password])
        return values

    @property
    def is_exposed(self) -> bool:
        """Whether others than this machine reach the service."""
        return not is_loopback(self.published_address or self.host)

    @model_validator(mode="after")
    def _check_secrets(self) -> Self:
        if self.is_exposed and (found := [name for name in type(self).model_fields if self._is_public(name)]):
            names = ", ".join(f"STACKWIRE_{name}".upper() for name in found)
            where = self.published_address or self.host
            raise ValueError(f"the service is reached at {where}, but {names} has a public default: set another one")
        return self

    def _is_public(self, name: str) -> bool:
        value = getattr(self, name)
        if name.endswith("_url") and isinstance(value, str):
            return frozenset(PUBLIC_SECRETS).issuperset([urlsplit(value).password])
        return not type(self).model_fields[name].repr and value in PUBLIC_SECRETS

    @property
    def behaviours(self) -> Behaviours:
        """The behaviours of ``release`` without those of ``with_bugs``."""
        return behaviours_of(self.release, self.with_bugs)

    @property
    def www_authenticate_uri(self) -> str:
        """Where those without a token are sent: the identity service."""
        return self.keystone_url or self.identity_url

    @property
    def emits_http_trace(self) -> bool:
        """Whether answered requests are emitted on the bus."""
        return self.amqp_url == "memory" if self.trace_http is None else self.trace_http

    @property
    def api_port(self) -> int | None:
        """Where this process has an API; None for a worker."""
        return self.port if self.serves_api else None

    @property
    def one_process_because(self) -> str:
        """What is wished that only one process can do; empty where several can serve."""
        if self.amqp_url == "memory":
            return "the bus in process (STACKWIRE_AMQP_URL=memory)"
        if 0 in (self.api_port, self.health_port):
            return "a port that the system chooses (0)"
        return ""

    def share(self, number: int, count: int) -> dict[str, Any]:
        """The settings of one of several processes, from 1 to ``count``, where they differ from the others'."""
        return {}

    @property
    def serves_api(self) -> bool:
        """Whether this process has the HTTP API."""
        return self.role in ("api", "all")

    @property
    def serves_work(self) -> bool:
        """Whether this process has the worker."""
        return self.role in ("worker", "all")


def unknown_variables(kinds: Mapping[str, type[ServiceSettings]], environment: Mapping[str, str]) -> list[str]:
    """Environment variables that are named as settings, and are none of these services'."""
    known = {"STACKWIRE_TAG", "STACKWIRE_FAILPOINT", "STACKWIRE_FAILPOINT_FILE"}
    known |= {"STACKWIRE_CRASH_AT", "STACKWIRE_CRASH_FILE"}  # as these were called before
    for kind in kinds.values():
        for prefix in ("STACKWIRE_", str(kind.model_config.get("env_prefix"))):
            files = [name for _, name in file_names(kind)]
            known |= {f"{prefix}{name}".upper() for name in (*kind.model_fields, *kind.renamed, *files)}
    return sorted(name for name in environment if name.startswith("STACKWIRE_") and name not in known)
