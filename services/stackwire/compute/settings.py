"""The compute service's settings."""

from typing import Annotated

from pydantic import field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from stackwire.core.settings import ServiceSettings


class ComputeSettings(ServiceSettings):
    """``hosts``: the simulated compute hosts this process speaks for, each with the capacity below (memory MiB, disk
    GiB). ``host_arch``: what they can run natively; ``host_traits``: what placement would say they offer.

    ``reimage_seconds_per_gb``: how long a host waits for a volume to be written over, for each GiB of the image.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="STACKWIRE_COMPUTE_")

    port: int = 8774
    default_zone: str = "nova"
    hosts: Annotated[tuple[str, ...], NoDecode] = ("compute-1", "compute-2")
    host_vcpus: int = 64
    host_memory_mb: int = 256 * 1024
    host_disk_gb: int = 2048
    host_arch: str = "x86_64"
    host_traits: Annotated[tuple[str, ...], NoDecode] = ()
    reimage_seconds_per_gb: float = 20.0
    volume_seconds: float = 180.0
    sweep_seconds: float = 5.0

    @field_validator("hosts", "host_traits", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
