"""The tracer's settings."""

from pydantic_settings import SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.trace.store import BYTES, MESSAGES


class TraceSettings(ServiceSettings):
    """``keep_messages`` and ``keep_bytes`` bound what is remembered; ``management_url`` is RabbitMQ's, with its login,
    to switch the firehose on."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_TRACE_")

    port: int = 8790
    keep_messages: int = MESSAGES
    keep_bytes: int = BYTES
    management_url: str = ""
