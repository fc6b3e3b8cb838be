"""The index's settings."""

from pydantic_settings import SettingsConfigDict

from stackwire.core.settings import ServiceSettings


class IndexSettings(ServiceSettings):
    """``page_size``: how many resources of a service are read at once in a rebuild; ``max_length``: how many
    notifications its queue keeps while it is away."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_INDEX_")

    port: int = 8791
    page_size: int = 500
    max_length: int = 100_000
    sweep_seconds: float = 2.0
    pool_size: int = 4
