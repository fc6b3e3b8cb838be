"""The tracer's settings."""

from pydantic_settings import SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.trace.domain.lineage import HOPS
from stackwire.trace.domain.message_store import BYTES, MESSAGES


class TraceSettings(ServiceSettings):
    """``keep_messages`` and ``keep_bytes`` bound what is remembered, ``keep_crossings`` what is kept in the database;
    ``management_url`` is RabbitMQ's, with its login,
    to switch the firehose on."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_TRACE_")

    port: int = 8790
    keep_messages: int = MESSAGES
    keep_bytes: int = BYTES
    keep_crossings: int = HOPS
    management_url: str = ""
