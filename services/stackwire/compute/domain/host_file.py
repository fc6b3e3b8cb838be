"""A file of compute hosts, in the form of ``deploy/hosts.toml``: what each of them has and can do."""

import tomllib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, StringConstraints

HostName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,255}$")]
Trait = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,255}$")]
Positive = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumaCell(_Table):
    """``threads``: of a core."""

    vcpus: Positive
    memory_mb: Positive
    threads: Positive = 1


class HostDefinition(_Table):
    """A host; None: as the settings say. ``resources``: how much of other resource classes it has (``CUSTOM_GPU``)."""

    vcpus: Positive | None = None
    memory_mb: Positive | None = None
    disk_gb: Positive | None = None
    arch: str | None = None
    host_ip: IPvAnyAddress | None = None
    hypervisor_hostname: HostName | None = None
    hypervisor_type: str = "QEMU"
    hypervisor_version: Positive = 8_002_000
    traits: tuple[Trait, ...] = ()
    resources: dict[Trait, Annotated[int, Field(ge=0, le=2**31 - 1)]] = {}
    capabilities: dict[str, Any] = {}
    cpu_info: dict[str, Any] = {}
    numa: tuple[NumaCell, ...] = ()


class HostFile(_Table):
    """``hosts``: name to definition."""

    hosts: Annotated[dict[HostName, HostDefinition], Field(min_length=1)]


def read_hosts(text: str) -> Mapping[str, HostDefinition]:
    """ValueError for a file that is none."""
    return HostFile.model_validate(tomllib.loads(text)).hosts
