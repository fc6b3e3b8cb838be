"""Identity's settings."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from stackwire.core.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    """``seed``: a file in the form of ``identity.toml``; None for the packaged one. ``seed_password``: of those of its
    users who would get one that stands in this repository.

    ``*_public_url``: the URLs of the catalogue, where they differ from those the services use among themselves.
    ``object_store_public_url``: of a Swift beside this cloud, if there is one, with ``{project_id}`` where a project's
    account is meant (``http://swift:8080/v1/AUTH_{project_id}``).
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_IDENTITY_")

    port: int = 5000
    seed: Path | None = None
    seed_password: str = Field(default="", repr=False)
    image_public_url: str = ""
    volume_public_url: str = ""
    compute_public_url: str = ""
    object_store_public_url: str = ""
