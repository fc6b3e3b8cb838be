"""The volume service's settings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.volume.domain.backends import Backends
from stackwire.volume.domain.scheduling import DEFAULT_FILTERS, DEFAULT_WEIGHERS, FILTERS, WEIGHERS


class VolumeSettings(ServiceSettings):
    """``default_zone``: the availability zone of what names none. ``list_limit``: the most items of a page.

    ``backends``: a file of back ends, in the form of ``deploy/backends.toml``; None for the one, ``files``.
    ``scheduler_default_filters``, ``scheduler_default_weighers``: names, separated by commas.

    ``backup_posix_path``: the folder of the backup store, which is in ``data_dir`` unless it is given.
    ``image_api``: how the image service is reached: by ``rpc``, or over ``http``, as a real Glance is.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_VOLUME_")

    port: int = 8776
    role: Literal["api", "worker", "backup", "all"] = "all"  # type: ignore[assignment]  # one role more than others have
    backup_posix_path: Path | None = None
    default_zone: str = "nova"
    list_limit: int = 1000
    backends: Path | None = None
    scheduler_default_filters: Annotated[tuple[str, ...], NoDecode] = DEFAULT_FILTERS
    scheduler_default_weighers: Annotated[tuple[str, ...], NoDecode] = DEFAULT_WEIGHERS
    image_api: Literal["rpc", "http"] = "rpc"
    sweep_seconds: float = 10.0

    @field_validator("scheduler_default_filters", "scheduler_default_weighers", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("scheduler_default_filters", "scheduler_default_weighers")
    @classmethod
    def _known(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """JsonFilter, for one, is none of them: it would run what users write."""
        known = FILTERS if info.field_name == "scheduler_default_filters" else WEIGHERS
        if unknown := sorted(set(value) - set(known)):
            raise ValueError(f"{', '.join(unknown)} cannot be used; there are {', '.join(known)}")
        return value

    @property
    def read_backends(self) -> Backends:
        """The back ends of the file. ValueError, OSError."""
        return Backends.read(self.backends.read_text() if self.backends is not None else None, self.default_zone)

    @property
    def serves_backups(self) -> bool:
        """Whether this process makes backups (cinder-backup)."""
        return self.role in ("backup", "all")
