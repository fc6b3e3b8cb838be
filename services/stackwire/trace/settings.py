"""The tracer's settings."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.trace.domain.lineage import MAX_TRANSFERS
from stackwire.trace.domain.message_store import MAX_BYTES, MAX_MESSAGES


class TraceSettings(ServiceSettings):
    """``keep_messages`` and ``keep_bytes`` bound what is in memory. The database has ``save_messages`` of these, of the
    same size at most, and ``keep_transfers`` of properties.

    ``management_url`` is that of RabbitMQ, with a login, to enable the firehose. ``allowed_hosts``: names by
    which browsers may call it, beside addresses, names without a dot, this machine's own, and that of ``public_url``.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_TRACE_")

    port: int = 8790
    keep_messages: int = MAX_MESSAGES
    keep_bytes: int = MAX_BYTES
    keep_transfers: int = MAX_TRANSFERS
    save_messages: int = MAX_MESSAGES
    management_url: str = ""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """By which names it may be called."""
        return (self.host, self.published_address, urlsplit(self.public_url).hostname or "", *self.allowed_hosts)
