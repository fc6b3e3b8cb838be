"""The image service's settings, under the names Glance gives them where it has one."""

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.image.domain import usage
from stackwire.image.domain.notifications import EVENT_GROUPS
from stackwire.image.domain.quota import Limits, storage_bytes
from stackwire.image.domain.registry_options import REGISTRY, THROUGH_REGISTRY, RegistryOptions
from stackwire.image.domain.uri_filter import UriFilter
from stackwire.image.domain.usage import Unified
from stackwire.image.store_settings import StoreSettings, Texts

_LISTS = (
    *("import_filtering_", "image_import_", "glance_download_", "disabled_notifications"),
    *("filesystem_store_", "enabled_backends", "store_type_preference"),
)
Plugins = Annotated[tuple[Literal["image_conversion"], ...], NoDecode]
Numbers = Annotated[tuple[int, ...], NoDecode]


class ImageSettings(RegistryOptions, StoreSettings):
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
    ``show_multiple_locations``: images show their locations, and patches change them; ``show_image_direct_url``: images
    show the first one. ``do_secure_hash``: the data of ``POST /locations`` is read for its digests, ``http_retries``
    times at most.
    ``registry_*``, ``admin_*``, ``data_api``: of glance-registry (``domain.registry_options.RegistryOptions``).
    ``disabled_notifications``: events that are not emitted, by name (``image.send``) or prefix (``task``).
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix="STACKWIRE_IMAGE_", hide_input_in_errors=True
    )

    port: int = 9292
    role: Literal["api", "worker", "registry", "all"] = "all"  # type: ignore[assignment]  # one more than other services
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

    @model_validator(mode="after")
    def _registry(self) -> "ImageSettings":
        if self.role == REGISTRY and not self.behaviours.has("glance-registry"):
            raise ValueError(f"release {self.behaviours.release} has no glance-registry: Ussuri was the last one")
        if self.is_through_registry and not self.behaviours.has("glance-registry"):
            raise ValueError(f"data_api {THROUGH_REGISTRY}: release {self.behaviours.release} has no glance-registry")
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _listed(cls, value: object, info: ValidationInfo) -> object:
        """Lists are separated by commas, as ``glance-image-import.conf`` has them, brackets or none."""
        if isinstance(value, str) and (info.field_name or "").startswith(_LISTS):
            return tuple(part.strip() for part in value.strip(" []").split(",") if part.strip())
        return value

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
    def api_port(self) -> int | None:
        """That of the registry, where this is one."""
        return self.registry_port if self.role == REGISTRY else super().api_port

    @property
    def one_process_because(self) -> str:
        """The traces of calls lie in the memory of the process that had them."""
        return "STACKWIRE_IMAGE_DEBUG" if self.debug else super().one_process_because

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
            count_own_properties=not self.behaviours.has("own-properties-do-not-count"),
            unified=Unified({name: getattr(self, name) for name in usage.NAMES}, self.project_limits),
        )
