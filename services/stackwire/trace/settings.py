"""The tracer's settings."""

from pydantic_settings import SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.trace.domain.lineage import MAX_TRANSFERS
from stackwire.trace.domain.message_store import MAX_BYTES, MAX_MESSAGES


class TraceSettings(ServiceSettings):
    """``keep_messages`` and ``keep_bytes`` bound what is in memory, ``keep_transfers`` what is saved in the database.

    ``management_url`` is that of RabbitMQ, with a login, to enable the firehose.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_TRACE_")

    port: int = 8790
    keep_messages: int = MAX_MESSAGES
    keep_bytes: int = MAX_BYTES
    keep_transfers: int = MAX_TRANSFERS
    management_url: str = ""
