"""Options of an admin port that is a process of its own."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from stackwire.cloud.options import ADMIN_PORT
from stackwire.core.settings import ServiceSettings


class AdminSettings(ServiceSettings):
    """``STACKWIRE_ADMIN_...``. ``token_file``: where its token is read from; without one a new token is written to
    ``admin.token`` in the data directory. The URLs of the services are those whose health is asked for."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_ADMIN_")

    port: int = Field(default=ADMIN_PORT, ge=1, le=65535)
    role: Literal["all"] = "all"
    token_file: Path | None = None
