"""The compute service's settings."""

import math
from collections.abc import Mapping
from dataclasses import fields
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.compute.domain.addresses import LABEL, network
from stackwire.compute.domain.host_file import HostDefinition, read_hosts
from stackwire.compute.domain.image_api import EmptyMode
from stackwire.compute.domain.scheduler_filters import DEFAULT_FILTERS, FILTERS
from stackwire.compute.domain.scheduler_model import Limits
from stackwire.compute.domain.scheduler_weights import Multipliers
from stackwire.compute.domain.signature_policy import SignaturePolicy
from stackwire.core.settings import ServiceSettings


class ComputeSettings(ServiceSettings):
    """``hosts_file``: a file of hosts in the form of ``deploy/hosts.toml``; without it those of ``hosts`` are alike.
    ``hosts``: the simulated compute hosts that this process runs, each with the capacity below (memory MiB, disk
    GiB). ``host_arch``: what they can run natively; ``host_traits``: the traits they would have in placement.

    ``call_monitor_timeout_seconds``: how long another service may send no heartbeat during a call, as oslo.messaging's
    ``call_monitor_timeout``; 2 or more.
    ``fixed_range``: the IPv4 network servers get their addresses from, /30 or larger; a change leaves those they have.
    ``access_network``: the network whose address becomes ``accessIPv4`` when the client names none, as Nova's
    ``default_access_ip_network_name``; empty for none, and then openstacksdk looks for a floating address.
    ``image_api``: how the image service is reached: by ``rpc``, or over HTTP in ``v1`` or ``v2`` of its API; ``auto``
    finds out which it has, and takes the one the release's Nova would. ``image_retries``: how often a request that
    did not get through is sent again. ``empty_image_mode``: how an image of nothing but metadata becomes active.
    ``image_cache_manager_interval``: after how many seconds a host looks again for images it keeps for no server,
    ``remove_unused_original_minimum_age_seconds``: how long after its last use such an image is kept, a minute or more,
    so that a build finds what it has just fetched; both of Nova's ``[image_cache]``.
    ``shelved_offload_time``: how many seconds a shelved server stays on its host: 0 for none, -1 for ever.
    ``resize_confirm_window``: after how many seconds an unconfirmed resize confirms itself, 0 for never, and
    ``allow_resize_to_same_host``: whether a resize may stay on its host; both as in Nova.
    ``consoles``: the protocols of consoles that the hosts offer (``vnc``, ``spice``, ``serial``, ``mks``), and
    ``token_ttl``: for how many seconds the token in a console's address opens it.
    ``enabled_filters``: the scheduler's filters, by Nova's names; ``*_weight_multiplier``: how much a weigher counts.
    ``image_props_weight_setting``: of what properties ImagePropertiesWeigher counts how much
    (``hw_disk_bus=1.0,os_distro=2``). ``max_io_ops_per_host``, ``max_instances_per_host``, ``isolated_images``,
    ``isolated_hosts``, ``restrict_isolated_hosts_to_isolated_images``: what IoOpsFilter, NumInstancesFilter and
    IsolatedHostsFilter go by. ``enable_isolated_aggregate_filtering``: hosts of an aggregate with
    ``trait:X=required`` are for servers that require X. All of them as in Nova's ``[filter_scheduler]``.
    ``verify_glance_signatures``: whether every image must be signed; ``enable_certificate_validation``: and that
    certificate lead to ``default_trusted_certificate_ids``, unless a client names others; as in Nova's ``[glance]``.
    ``reclaim_instance_interval``: how many seconds a deleted server can be restored, 0 for not at all.
    ``live_migration_seconds``: how long a simulated guest's memory is on its way in a live migration.
    ``reimage_seconds_per_gb``: how long a host waits for a volume to be written over, for each GiB of the image.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_COMPUTE_")

    renamed: ClassVar[Mapping[str, str]] = {
        "silence_seconds": "call_monitor_timeout_seconds",
        "image_cache_seconds": "image_cache_manager_interval",
        "image_cache_minimum_age": "remove_unused_original_minimum_age_seconds",
    }

    port: int = 8774
    default_zone: str = "nova"
    hosts: Annotated[tuple[str, ...], NoDecode] = ("compute-1", "compute-2")
    hosts_file: Path | None = None
    host_vcpus: int = 64
    host_memory_mb: int = 256 * 1024
    host_disk_gb: int = 2048
    host_arch: str = "x86_64"
    host_traits: Annotated[tuple[str, ...], NoDecode] = ()
    fixed_range: IPv4Network = IPv4Network("10.0.0.0/16")
    access_network: str = LABEL
    image_api: Literal["rpc", "auto", "v1", "v2"] = "rpc"
    image_retries: int = Field(default=0, ge=0, le=10)
    empty_image_mode: EmptyMode = "auto"
    resize_confirm_window: int = Field(default=0, ge=0)
    allow_resize_to_same_host: bool = False
    enabled_filters: Annotated[tuple[str, ...], NoDecode] = DEFAULT_FILTERS
    ram_weight_multiplier: float = 1.0
    cpu_weight_multiplier: float = 1.0
    disk_weight_multiplier: float = 1.0
    hypervisor_version_weight_multiplier: float = 1.0
    num_instances_weight_multiplier: float = 0.0
    io_ops_weight_multiplier: float = -1.0
    image_props_weight_multiplier: float = 0.0
    image_props_weight_setting: Annotated[tuple[str, ...], NoDecode] = ()
    build_failure_weight_multiplier: float = 1000000.0
    soft_affinity_weight_multiplier: float = Field(default=1.0, ge=0)
    soft_anti_affinity_weight_multiplier: float = Field(default=1.0, ge=0)
    max_io_ops_per_host: int = Field(default=8, ge=0)
    max_instances_per_host: int = Field(default=50, ge=1)
    isolated_images: Annotated[tuple[str, ...], NoDecode] = ()
    isolated_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    restrict_isolated_hosts_to_isolated_images: bool = True
    enable_isolated_aggregate_filtering: bool = False
    verify_glance_signatures: bool = False
    enable_certificate_validation: bool = False
    default_trusted_certificate_ids: Annotated[tuple[str, ...], NoDecode] = ()
    live_migration_seconds: float = Field(default=0.5, ge=0)
    reimage_seconds_per_gb: float = 20.0
    shelved_offload_time: int = Field(default=0, ge=-1)
    reclaim_instance_interval: int = Field(default=0, ge=0)
    consoles: Annotated[tuple[Literal["vnc", "spice", "serial", "mks"], ...], NoDecode] = ("vnc", "spice", "serial")
    token_ttl: int = Field(default=600, gt=0)
    volume_seconds: float = 180.0
    sweep_seconds: float = 5.0
    image_cache_manager_interval: float = Field(default=2400.0, gt=0)
    remove_unused_original_minimum_age_seconds: float = Field(default=86400.0, ge=60)
    call_monitor_timeout_seconds: int = 10

    @field_validator(
        "hosts",
        "host_traits",
        "consoles",
        "enabled_filters",
        "image_props_weight_setting",
        "isolated_images",
        "isolated_hosts",
        "default_trusted_certificate_ids",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    def read_hosts(self) -> Mapping[str, HostDefinition]:
        """The hosts that this process runs; ValueError for a file that is none, or has not what ``hosts`` names."""
        if self.hosts_file is None:
            return {name: HostDefinition() for name in self.hosts}
        known = read_hosts(self.hosts_file.read_text())
        names = self.hosts if "hosts" in self.model_fields_set else tuple(known)
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"{self.hosts_file} has no host {missing[0]}")
        return {name: known[name] for name in names}

    def share(self, number: int, count: int) -> dict[str, Any]:
        """The hosts are shared out: each has one process."""
        return {"hosts": tuple(self.read_hosts())[number - 1 :: count]}

    @field_validator("hosts_file")
    @classmethod
    def _check_hosts_file(cls, value: Path | None) -> Path | None:
        if value is not None:
            read_hosts(value.read_text())
        return value

    @field_validator("enabled_filters")
    @classmethod
    def _check_filters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FILTERS:
                raise ValueError(f"{name} is not simulated; filters are {', '.join(FILTERS)}")
        return value

    @field_validator("image_props_weight_setting")
    @classmethod
    def _check_image_props(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name, number in (part.split("=", 1) if "=" in part else (part, "") for part in value):
            if not name or not math.isfinite(float(number)):
                raise ValueError(f"{name}={number}: how much a property counts is a number")
        return value

    @property
    def scheduler_limits(self) -> Limits:
        """As filters and weighers take them."""
        return Limits(
            max_io_ops_per_host=self.max_io_ops_per_host,
            max_instances_per_host=self.max_instances_per_host,
            isolated_images=frozenset(self.isolated_images),
            isolated_hosts=frozenset(self.isolated_hosts),
            restrict_isolated_hosts_to_isolated_images=self.restrict_isolated_hosts_to_isolated_images,
            enable_isolated_aggregate_filtering=self.enable_isolated_aggregate_filtering,
            image_props_weights={
                name: float(number) for name, number in (part.split("=", 1) for part in self.image_props_weight_setting)
            },
        )

    @property
    def signature_policy(self) -> SignaturePolicy:
        """As API and hosts take it."""
        return SignaturePolicy(
            verify_glance_signatures=self.verify_glance_signatures,
            enable_certificate_validation=self.enable_certificate_validation,
            default_trusted_certificate_ids=self.default_trusted_certificate_ids,
        )

    @property
    def weight_multipliers(self) -> Multipliers:
        """As the scheduler takes them."""
        names = [field.name for field in fields(Multipliers)]
        return Multipliers(**{name: getattr(self, f"{name}_weight_multiplier") for name in names})

    @model_validator(mode="after")
    def _check_empty_image_mode(self) -> Self:
        """An ``empty_image_mode`` that the image API cannot do is refused at start."""
        cannot = {"rpc": "size_zero", "v2": "size_zero", "v1": "upload_empty"}.get(self.image_api)
        if self.empty_image_mode == "root_location" and self.image_api != "rpc":
            raise ValueError("empty_image_mode root_location needs image_api rpc: only services can see locations")
        if self.empty_image_mode == cannot:
            raise ValueError(f"empty_image_mode {cannot} is not possible with image_api {self.image_api}")
        return self

    @field_validator("fixed_range")
    @classmethod
    def _check_fixed_range(cls, value: IPv4Network) -> IPv4Network:
        network(value)
        return value
