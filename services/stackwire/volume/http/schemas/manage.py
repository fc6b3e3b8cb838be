"""Bodies of /manageable_volumes and /manageable_snapshots (``cinder/api/schemas/volume_manage.py``)."""

from typing import Any

from stackwire.contracts.volume import InvalidInput
from stackwire.core.errors import BadRequest
from stackwire.volume.domain.errors import ServiceUnavailable
from stackwire.volume.domain.requests import CreateSnapshotRequest
from stackwire.volume.flows.api.manage import ManageVolumeRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, Printable, Text, Uuid
from stackwire.volume.http.schemas.services import Host

CLUSTERED = (3, 16)


class ManagedVolume(Body):
    """``cluster``: from 3.16. A ``ref`` that is text is none of ours."""

    ref: dict[str, Any] | str
    host: Host | None = None
    cluster: Text | None = None
    name: Text | None = None
    description: Printable | None = None
    volume_type: Text | None = None
    metadata: Metadata | None = None
    availability_zone: Text | None = None
    bootable: Flag = False

    def to_request(self, version: tuple[int, int]) -> ManageVolumeRequest:
        """BadRequest, InvalidInput, ServiceUnavailable for a cluster, of which there are none."""
        if version < CLUSTERED and "cluster" in self.model_fields_set:
            raise BadRequest("Additional properties are not allowed ('cluster' was unexpected)")
        return ManageVolumeRequest(
            host=one_host(self.host, self.cluster, clustered=version >= CLUSTERED),
            ref=reference(self.ref),
            name=(self.name or "").strip() or None,
            description=(self.description or "").strip() or None,
            volume_type=self.volume_type or None,
            metadata=self.metadata or {},
            availability_zone=self.availability_zone,
            bootable=self.bootable,
        )


class ManageVolumeBody(Body):
    volume: ManagedVolume


class ManagedSnapshot(Body):
    ref: dict[str, Any] | str | None
    volume_id: Uuid
    name: Text | None = None
    description: Printable | None = None
    metadata: Metadata | None = None

    def to_request(self) -> CreateSnapshotRequest:
        """As a new snapshot, of a volume in use too."""
        return CreateSnapshotRequest(
            volume_id=self.volume_id,
            name=self.name,
            description=self.description,
            metadata=self.metadata or {},
            force=True,
        )


class ManageSnapshotBody(Body):
    snapshot: ManagedSnapshot


def one_host(host: str | None, cluster: str | None, *, clustered: bool) -> str:
    """The host that is named. InvalidInput, ServiceUnavailable."""
    cluster = cluster if clustered else None
    if bool(host) == bool(cluster):
        one = "One and only one of cluster and host must be set."
        raise InvalidInput(reason=one if clustered else "Host field is missing.")
    if not host:
        raise ServiceUnavailable(message=f"Cluster '{cluster}' not found")
    return host


def reference(ref: dict[str, Any] | str | None) -> dict[str, Any]:
    """BadRequest for what is no object."""
    if not isinstance(ref, dict):
        raise BadRequest("A reference is an object with a source-name.")
    return ref
