"""The volume service's settings."""

import uuid
from typing import Literal

from pydantic_settings import SettingsConfigDict

from stackwire.contracts.volume_workers import POOL
from stackwire.core.settings import ServiceSettings


class VolumeSettings(ServiceSettings):
    """``default_zone``: the one availability zone. ``list_limit``: the most items of a page.

    ``image_api``: how the image service is reached: by ``rpc``, or over ``http``, as a real Glance is.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_VOLUME_")

    port: int = 8776
    default_zone: str = "nova"
    list_limit: int = 1000
    image_api: Literal["rpc", "http"] = "rpc"
    sweep_seconds: float = 10.0

    @property
    def service_uuid(self) -> str:
        """The back end's service id: the same in every process that serves it."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stackwire:{POOL}"))
