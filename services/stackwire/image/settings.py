"""The image service's settings, under the names Glance gives them where it has one."""

import os
import re
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.core.settings import ServiceSettings
from stackwire.image.domain import usage
from stackwire.image.domain.notifications import DEFAULT_STORE, EVENT_GROUPS
from stackwire.image.domain.quota import Limits, storage_bytes
from stackwire.image.domain.s3 import S3Options, place
from stackwire.image.domain.uri_filter import UriFilter
from stackwire.image.domain.usage import Unified
from stackwire.object_store.place import S3Place

_LISTS = (
    *("import_filtering_", "image_import_", "glance_download_", "disabled_notifications"),
    *("filesystem_store_", "enabled_backends", "store_type_preference"),
)
Texts = Annotated[tuple[str, ...], NoDecode]
STORE_TYPES = ("file", "http", "s3", "cinder")
READ_ONLY_STORE_TYPES = ("http",)
_STORE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Plugins = Annotated[tuple[Literal["image_conversion"], ...], NoDecode]
Numbers = Annotated[tuple[int, ...], NoDecode]


def data_directory(text: str) -> tuple[Path, int]:
    """``/path`` or ``/path:priority``. Raises ValueError.

    Source: ``glance_store/_drivers/filesystem.py: Store._get_datadir_path_and_priority``.
    """
    path, _, priority = text.partition(":")
    if not Path(path).is_absolute():
        raise ValueError(f"'{text}' does not begin with an absolute path")
    if (priority and not (priority.isascii() and priority.isdigit() and len(priority) <= 9)) or text.endswith(":"):
        raise ValueError(f"'{text}' does not end in a priority: a whole number, not negative")
    return Path(os.path.normpath(path)), int(priority or 0)


def backend(text: str) -> tuple[str, str, Path | None]:
    """``name:file``, ``name:file:/path``, ``name:s3``, ``name:http``: name, type, path. Raises ValueError."""
    name, _, rest = text.partition(":")
    kind, _, path = rest.partition(":")
    if not _STORE_NAME.fullmatch(name) or name.startswith("os_glance_"):
        raise ValueError(f"'{text}' does not begin with the name of a store")
    if kind not in STORE_TYPES:
        raise ValueError(f"'{text}' is of a type that is not simulated: there are {', '.join(STORE_TYPES)}")
    if kind != "file":
        if rest != kind or name == DEFAULT_STORE:
            raise ValueError(f"'{text}' is not a store of type {kind}: only files are in a directory, or called 'file'")
        return name, kind, None
    if name == DEFAULT_STORE and path:
        raise ValueError(f"the store '{DEFAULT_STORE}' is in data_dir, or in filesystem_store_datadirs")
    if rest != kind and not Path(path).is_absolute():
        raise ValueError(f"'{text}' does not end in an absolute path")
    return name, kind, Path(os.path.normpath(path)) if path else None


class ImageSettings(S3Options, ServiceSettings):
    """Sizes in bytes; a negative quota is no limit. Source of names and defaults: ``glance/common/config.py``.

    ``user_storage_quota``: bytes a project may store, with an optional unit (``500MB``); ``0`` is no limit.
    ``image_size_total``, ``image_stage_total`` (MiB), ``image_count_total``, ``image_count_uploading``: unified
    limits of a project, 0 is none; ``project_limits`` overrides them by project and name.
    ``delayed_delete``: a deleted image with data is ``pending_delete``; the worker removes its data ``scrub_time``
    seconds later at the earliest, ``scrub_pool_size`` images at once, every ``wakeup_time`` seconds.
    ``image_cache``: whether downloads fill ``data_dir/cache`` and are served from it; ``image_cache_max_size``: its
    bytes at most; ``image_cache_stall_time``: seconds after which incomplete files are removed;
    ``worker_self_reference_url``: this node among others, by default its host and port.
    ``upload_seconds``: how long an upload may stall. ``task_time_to_live``: hours a task is kept after its end.
    ``import_filtering_*``: where web-download may fetch from (``glance-image-import.conf``); ``web_download_*``: how
    long it may stall, and take. ``image_import_plugins``: with ``image_conversion`` imports are converted to
    ``image_conversion_output_format`` by the machine's qemu-img; Glance's other plugins are not simulated.
    ``glance_download_extra_properties``: prefixes of the properties that are imported from another Glance.
    ``filesystem_store_datadirs``: directories for image data, each with an optional priority
    (``/fast:200,/slow:100``); by default ``data_dir``.
    ``enabled_backends``: several stores by name and type (``fast:file,slow:file:/mnt/slow,web:http``); one of files is
    in a directory of its own, by default below ``data_dir``; one of type ``http`` reads images whose location is a
    URL, under the same filter as web downloads. ``default_backend`` is one of them that is writable. Without them
    ``file`` is the one store. ``location_strategy``: an image's locations are read in their own order, or first those
    in stores of the types in ``store_type_preference``. ``show_multiple_locations``: images show their locations, and
    patches change them; ``show_image_direct_url``: images show the first one.
    ``do_secure_hash``: the data of ``POST /locations`` is read for its digests, ``http_retries`` times at most.
    ``s3_store_*``: of every store of type ``s3`` (``domain.s3.S3Options``), unless ``backend_settings`` overrides them
    by the store's name. A store of type ``cinder`` creates volumes of ``cinder_volume_type`` in the project of
    ``cinder_store_user_name``, and reads locations with its caller's rights; ``cinder_mount_point_base`` is where
    this host sees the volume service's data directory, ``cinder_state_transition_timeout`` the seconds a volume may
    take.
    ``disabled_notifications``: events that are not emitted, by name (``image.send``) or prefix (``task``).
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix="STACKWIRE_IMAGE_", hide_input_in_errors=True
    )

    port: int = 9292
    image_size_cap: int = 1024**4
    image_property_quota: int = 128
    image_tag_quota: int = 128
    image_member_quota: int = 128
    image_location_quota: int = 10
    show_multiple_locations: bool = False
    show_image_direct_url: bool = False
    do_secure_hash: bool = True
    http_retries: int = Field(3, ge=1)
    user_storage_quota: str = "0"
    image_size_total: int = 0
    image_stage_total: int = 0
    image_count_total: int = 0
    image_count_uploading: int = 0
    project_limits: dict[str, dict[usage.Name, int]] = {}
    delayed_delete: bool = False
    scrub_time: int = Field(0, ge=0)
    scrub_pool_size: int = Field(1, ge=1)
    wakeup_time: int = Field(300, ge=1)
    image_cache: bool = False
    image_cache_max_size: int = 10 * 1024**3
    image_cache_stall_time: float = 86400.0
    worker_self_reference_url: str = ""
    limit_param_default: int = 25
    api_limit_max: int = 1000
    property_protection_file: Path | None = None
    property_protection_rule_format: Literal["roles", "policies"] = "roles"
    require_image_format_match: bool = True
    disabled_notifications: Texts = ()
    filesystem_store_datadirs: Texts = ()
    enabled_backends: Texts = ()
    default_backend: str = ""
    backend_settings: dict[str, dict[str, Any]] = Field(default={}, repr=False)
    location_strategy: Literal["location_order", "store_type"] = "location_order"
    store_type_preference: Annotated[tuple[Literal["file", "http", "s3", "cinder"], ...], NoDecode] = ()
    cinder_store_user_name: str = "glance"
    cinder_store_password: str = Field(default="", repr=False)
    cinder_store_project_name: str = "service"
    cinder_volume_type: str = ""
    cinder_mount_point_base: Path | None = None
    cinder_state_transition_timeout: float = 300.0
    heartbeat_seconds: float = 5.0
    upload_seconds: float = 60.0
    task_time_to_live: float = 48.0
    import_filtering_allowed_schemes: Texts = ("http", "https")
    import_filtering_disallowed_schemes: Texts = ()
    import_filtering_allowed_hosts: Texts = ()
    import_filtering_disallowed_hosts: Texts = ()
    import_filtering_allowed_ports: Numbers = (80, 443)
    import_filtering_disallowed_ports: Numbers = ()
    web_download_stall_seconds: float = 60.0
    web_download_seconds: float = 3600.0
    glance_download_extra_properties: Texts = ("hw_", "trait:", "os_distro", "os_secure_boot", "os_type")
    image_import_plugins: Plugins = ()
    image_conversion_output_format: Literal["raw", "qcow2", "vmdk"] = "raw"

    @field_validator("disabled_notifications")
    @classmethod
    def _groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name.partition(".")[0] not in EVENT_GROUPS:
                raise ValueError(f"'{name}' is the name of no event: they begin with one of {', '.join(EVENT_GROUPS)}")
        return value

    @field_validator("filesystem_store_datadirs")
    @classmethod
    def _directories(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        paths = [path for path, _ in map(data_directory, value)]
        if len(set(paths)) < len(paths):
            raise ValueError("a directory of the store is named twice")
        return value

    @model_validator(mode="after")
    def _stores(self) -> "ImageSettings":
        names = [name for name, _, _ in self.backends]
        if len(set(names)) < len(names):
            raise ValueError("a store is named twice")
        self._check_default_backend(names)
        self._check_directories()
        self._check_cinder()
        self._check_s3()
        return self

    def _check_default_backend(self, names: list[str]) -> None:
        if self.default_backend not in (names or [""]):
            raise ValueError("default_backend is none of enabled_backends")
        if self.default_backend in [name for name, kind, _ in self.backends if kind in READ_ONLY_STORE_TYPES]:
            raise ValueError("default_backend is a store that is only read")

    def _check_directories(self) -> None:
        roots = [root for _, _, root in self.backends if root is not None]
        others = {self.data_dir, *(path for path, _ in self.data_dirs)}
        if len(set(roots)) < len(roots) or set(roots) & others:
            raise ValueError("two stores are in the same directory")

    def _check_cinder(self) -> None:
        for name in ("cinder_store_password", "cinder_mount_point_base"):
            if self._stores_of_type("cinder") and not getattr(self, name):
                raise ValueError(f"a store of type cinder needs {name}")

    def _check_s3(self) -> None:
        s3 = self._stores_of_type("s3")
        if unknown := [name for name in self.backend_settings if name not in s3]:
            raise ValueError(f"backend_settings: '{unknown[0]}' is no store that has any")
        if len({self.s3_place(name).same for name in s3}) < len(s3):
            raise ValueError("two stores are in the same bucket")

    def _stores_of_type(self, store_type: str) -> list[str]:
        return [name for name, kind, _ in self.backends if kind == store_type]

    def s3_place(self, store: str) -> S3Place:
        """Raises ValueError."""
        common = {name: getattr(self, name) for name in S3Options.model_fields}
        try:
            options = S3Options.model_validate({**common, **self.backend_settings.get(store, {})})
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            named = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"backend_settings of '{store}': {named}: {first['msg']}") from None
        return place(store, options)

    @field_validator("*", mode="before")
    @classmethod
    def _listed(cls, value: object, info: ValidationInfo) -> object:
        """Lists are separated by commas, as ``glance-image-import.conf`` has them, brackets or none."""
        if isinstance(value, str) and (info.field_name or "").startswith(_LISTS):
            return tuple(part.strip() for part in value.strip(" []").split(",") if part.strip())
        return value

    @property
    def data_dirs(self) -> list[tuple[Path, int]]:
        """The directories of the store, with their priorities."""
        return [data_directory(text) for text in self.filesystem_store_datadirs]

    @property
    def backends(self) -> list[tuple[str, str, Path | None]]:
        """The stores by name, with their types, and their directories where configured."""
        return [backend(text) for text in self.enabled_backends]

    @property
    def converts_to(self) -> str | None:
        """The format imports are converted to; None: they are not."""
        return self.image_conversion_output_format if self.image_import_plugins else None

    @property
    def download_filter(self) -> UriFilter:
        return UriFilter(
            allowed_schemes=self.import_filtering_allowed_schemes,
            disallowed_schemes=self.import_filtering_disallowed_schemes,
            allowed_hosts=self.import_filtering_allowed_hosts,
            disallowed_hosts=self.import_filtering_disallowed_hosts,
            allowed_ports=self.import_filtering_allowed_ports,
            disallowed_ports=self.import_filtering_disallowed_ports,
        )

    @property
    def node(self) -> str:
        """The address that identifies this node's cache."""
        return self.worker_self_reference_url or f"http://{socket.gethostname()}:{self.port}"

    @property
    def limits(self) -> Limits:
        return Limits(
            properties=self.image_property_quota,
            tags=self.image_tag_quota,
            members=self.image_member_quota,
            locations=self.image_location_quota,
            size=self.image_size_cap,
            storage=storage_bytes(self.user_storage_quota),
            unified=Unified({name: getattr(self, name) for name in usage.NAMES}, self.project_limits),
        )
