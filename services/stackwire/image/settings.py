"""The image service's settings, under the names Glance gives them where it has one."""

from pathlib import Path
from typing import Literal

from pydantic_settings import SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.image.domain.quota import Limits, storage_bytes


class ImageSettings(ServiceSettings):
    """Sizes in bytes; a negative quota is no limit. Source of names and defaults: ``glance/common/config.py``.

    ``user_storage_quota``: bytes a project may store, with an optional unit (``500MB``); ``0`` is no limit.
    ``image_count_total``: images a project may have; 0 is no limit (Glance's unified limit of that name).
    ``upload_seconds``: how long an upload may stay silent.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_IMAGE_")

    port: int = 9292
    image_size_cap: int = 1024**4
    image_property_quota: int = 128
    image_tag_quota: int = 128
    image_member_quota: int = 128
    user_storage_quota: str = "0"
    image_count_total: int = 0
    limit_param_default: int = 25
    api_limit_max: int = 1000
    property_protection_file: Path | None = None
    property_protection_rule_format: Literal["roles", "policies"] = "roles"
    require_image_format_match: bool = True
    upload_seconds: float = 60.0
    heartbeat_seconds: float = 5.0

    @property
    def limits(self) -> Limits:
        return Limits(
            properties=self.image_property_quota,
            tags=self.image_tag_quota,
            members=self.image_member_quota,
            size=self.image_size_cap,
            storage=storage_bytes(self.user_storage_quota),
            images=self.image_count_total,
        )
