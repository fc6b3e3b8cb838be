"""Every flow of the service, made once from the same parts."""

from dataclasses import dataclass

from stackwire.volume.flows.admin import Quotas, Types
from stackwire.volume.flows.attachments import Attachments
from stackwire.volume.flows.build import Build
from stackwire.volume.flows.change import Change
from stackwire.volume.flows.create import Create
from stackwire.volume.flows.delete import Delete
from stackwire.volume.flows.download import Downloads
from stackwire.volume.flows.extend import Extend
from stackwire.volume.flows.image_metadata import ImageMetadata
from stackwire.volume.flows.legacy import Legacy
from stackwire.volume.flows.metadata import Metadata
from stackwire.volume.flows.parts import Parts
from stackwire.volume.flows.read import Read
from stackwire.volume.flows.reimage import Reimages
from stackwire.volume.flows.snapshots import Snapshots
from stackwire.volume.flows.sweep import Sweeper
from stackwire.volume.flows.upload import Upload


@dataclass(frozen=True, slots=True)
class Flows:
    parts: Parts
    create: Create
    build: Build
    delete: Delete
    snapshots: Snapshots
    upload: Upload
    image_metadata: ImageMetadata
    extend: Extend
    reimages: Reimages
    attachments: Attachments
    legacy: Legacy
    change: Change
    volume_metadata: Metadata
    snapshot_metadata: Metadata
    read: Read
    types: Types
    quotas: Quotas
    sweeper: Sweeper

    @classmethod
    def of(cls, parts: Parts) -> "Flows":
        downloads = Downloads(parts)
        delete = Delete(parts)
        snapshots, upload, extend = Snapshots(parts, delete), Upload(parts), Extend(parts)
        return cls(
            parts=parts,
            create=Create(parts),
            build=Build(parts, downloads),
            delete=delete,
            snapshots=snapshots,
            upload=upload,
            image_metadata=ImageMetadata(parts),
            extend=extend,
            reimages=Reimages(parts, downloads),
            attachments=Attachments(parts),
            legacy=Legacy(parts),
            change=Change(parts),
            volume_metadata=Metadata.of_volumes(parts),
            snapshot_metadata=Metadata.of_snapshots(parts),
            read=Read(parts),
            types=Types(parts),
            quotas=Quotas(parts),
            sweeper=Sweeper(parts, delete, snapshots, upload, extend),
        )
