"""The volume service's settings."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.object_store.place import S3Place, endpoint_of, is_bucket_name, region_of
from stackwire.volume.domain.backends import Backends
from stackwire.volume.domain.scheduling import DEFAULT_FILTERS, DEFAULT_WEIGHERS, FILTERS, WEIGHERS

Driver = Literal["cinder.backup.drivers.posix.PosixBackupDriver", "cinder.backup.drivers.s3.S3BackupDriver"]
Compression = Literal["none", "off", "no", "zlib", "gzip", "bz2", "bzip2"]
"""Cinder's, but for zstd, which takes a library."""


class VolumeSettings(ServiceSettings):
    """``default_zone``: the availability zone of what names none. ``list_limit``: the most items of a page.

    ``backends``: a file of back ends, in the form of ``deploy/backends.toml``; None for the one, ``files``.
    ``scheduler_default_filters``, ``scheduler_default_weighers``: names, separated by commas.

    ``backup_driver``: Cinder's, whose layout the store of backups has. ``backup_posix_path``: its folder, which is in
    ``data_dir`` unless it is given. ``backup_s3_*``: the bucket instead, of which ``_object_size`` bytes
    of a volume are an object and ``_block_size`` what an incremental backup compares.
    ``cinder_internal_tenant_project_id``, ``_user_id``: whose the volumes of the image-volume cache are; without both
    there is none, whatever the back ends say.
    ``allowed_direct_url_schemes``: ``file``, where this service sees the image service's files, and copies them;
    ``cinder``, for images that lie in volumes of the same back end, which are cloned.
    ``image_api``: how the image service is reached: by ``rpc``, or over ``http``, as a real Glance is.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix="STACKWIRE_VOLUME_", hide_input_in_errors=True
    )

    port: int = 8776
    role: Literal["api", "worker", "backup", "all"] = "all"  # type: ignore[assignment]  # one role more than others have
    backup_driver: Driver = "cinder.backup.drivers.posix.PosixBackupDriver"
    backup_posix_path: Path | None = None
    backup_compression_algorithm: Compression = "zlib"
    backup_create_containers: bool = True
    backup_s3_endpoint_url: str = ""
    backup_s3_store_access_key: str = Field(default="", repr=False)
    backup_s3_store_secret_key: str = Field(default="", repr=False)
    backup_s3_store_bucket: str = "volumebackups"
    backup_s3_object_size: int = Field(52_428_800, ge=1, le=5 * 1024**3)
    backup_s3_block_size: int = Field(32_768, ge=512)
    backup_s3_timeout: float = Field(60.0, gt=0)
    backup_s3_max_pool_connections: int = Field(10, ge=1, le=200)
    backup_s3_retry_max_attempts: int = Field(4, ge=0, le=100)
    backup_s3_verify_ssl: bool = True
    backup_s3_ca_cert_file: str = ""
    default_zone: str = "nova"
    list_limit: int = 1000
    backends: Path | None = None
    scheduler_default_filters: Annotated[tuple[str, ...], NoDecode] = DEFAULT_FILTERS
    scheduler_default_weighers: Annotated[tuple[str, ...], NoDecode] = DEFAULT_WEIGHERS
    allowed_direct_url_schemes: Annotated[tuple[Literal["file", "cinder"], ...], NoDecode] = ()
    image_api: Literal["rpc", "http"] = "rpc"
    cinder_internal_tenant_project_id: str = ""
    cinder_internal_tenant_user_id: str = ""
    sweep_seconds: float = 10.0

    @field_validator(
        "scheduler_default_filters", "scheduler_default_weighers", "allowed_direct_url_schemes", mode="before"
    )
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

    @model_validator(mode="after")
    def _check_s3(self) -> Self:
        if self.backups_are_in_s3:
            _ = self.backup_s3_place
            if self.backup_s3_object_size % self.backup_s3_block_size:
                raise ValueError("backup_s3_object_size is no multiple of backup_s3_block_size")
        return self

    @property
    def backups_are_in_s3(self) -> bool:
        return self.backup_driver == "cinder.backup.drivers.s3.S3BackupDriver"

    @property
    def backup_s3_place(self) -> S3Place:
        """Where backups go with the S3 driver. ValueError names what is missing or wrong
        (``cinder/backup/drivers/s3.py: check_for_setup_error``)."""
        for name in ("backup_s3_endpoint_url", "backup_s3_store_access_key", "backup_s3_store_secret_key"):
            if not getattr(self, name):
                raise ValueError(f"the backup driver of S3 needs {name}")
        endpoint = endpoint_of(self.backup_s3_endpoint_url)
        if endpoint is None:
            raise ValueError("backup_s3_endpoint_url is not a host, or an http or https URL of one")
        if not is_bucket_name(self.backup_s3_store_bucket):
            raise ValueError("backup_s3_store_bucket is not the name of a bucket")
        return S3Place(
            endpoint=endpoint,
            region=region_of(endpoint),
            bucket=self.backup_s3_store_bucket,
            access_key=self.backup_s3_store_access_key,
            secret_key=self.backup_s3_store_secret_key,
            create_bucket=self.backup_create_containers,
            at_once=self.backup_s3_max_pool_connections,
            cacert=self.backup_s3_ca_cert_file,
            verify=self.backup_s3_verify_ssl,
            connect_timeout=self.backup_s3_timeout,
            read_timeout=self.backup_s3_timeout,
            write_timeout=self.backup_s3_timeout,
            attempts=self.backup_s3_retry_max_attempts + 1,
        )

    @property
    def read_backends(self) -> Backends:
        """The back ends of the file. ValueError, OSError."""
        return Backends.read(self.backends.read_text() if self.backends is not None else None, self.default_zone)

    @property
    def serves_backups(self) -> bool:
        """Whether this process makes backups (cinder-backup)."""
        return self.role in ("backup", "all")

    @property
    def internal_tenant(self) -> tuple[str, str] | None:
        """Project and user whose the volumes of the image-volume cache are."""
        project, user = self.cinder_internal_tenant_project_id, self.cinder_internal_tenant_user_id
        return (project, user) if project and user else None
