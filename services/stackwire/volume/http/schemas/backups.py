"""Bodies of /backups: create, update, restore, import, actions (``cinder/api/schemas/backups.py``)."""

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from stackwire.core.attributes import attributes
from stackwire.core.errors import BadRequest
from stackwire.volume.domain.backup_records import MAX_RECORD_CHARACTERS
from stackwire.volume.domain.requests import CreateBackupRequest
from stackwire.volume.http.schemas.fields import Body, Flag, Metadata, PrintableStripped, StrippedLater, Text, Uuid


def _base64(value: str) -> str:
    try:
        base64.b64decode(value)
    except (binascii.Error, ValueError):
        raise ValueError("is not a 'base64'") from None
    return value


class _Versioned(Body):
    def check(self, version: tuple[int, int], **since: tuple[int, int]) -> None:
        """BadRequest for a field this version does not know."""
        for name, first in since.items():
            if version < first and name in self.model_fields_set:
                raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected)")


class NewBackup(_Versioned):
    """``metadata``: from 3.43, ``availability_zone``: from 3.51."""

    volume_id: Uuid
    container: Text | None = None
    description: PrintableStripped | None = None
    incremental: Flag = False
    force: Flag = False
    name: StrippedLater | None = None
    snapshot_id: Uuid | None = None
    metadata: Metadata | None = None
    availability_zone: Text | None = None

    def to_request(self, version: tuple[int, int]) -> CreateBackupRequest:
        """The body of a request of this version; BadRequest for fields it does not know."""
        self.check(version, metadata=(3, 43), availability_zone=(3, 51))
        return CreateBackupRequest(
            **attributes(self, "volume_id name description incremental force snapshot_id"),
            container=self.container or None,
            metadata=self.metadata or {},
            availability_zone=self.availability_zone or None,
        )


class CreateBackupBody(Body):
    backup: NewBackup


class BackupChanges(_Versioned):
    """``metadata``: from 3.43."""

    name: StrippedLater | None = None
    description: PrintableStripped | None = None
    metadata: Metadata = {}

    def changes(self, version: tuple[int, int]) -> dict[str, Any]:
        """The columns to change; BadRequest for fields this version does not know."""
        self.check(version, metadata=(3, 43))
        return self.model_dump(exclude_unset=True)


class UpdateBackupBody(Body):
    backup: BackupChanges


class Restore(Body):
    name: Text | None = None
    volume_id: Uuid | None = None


class RestoreBody(Body):
    restore: Restore


class BackupRecord(Body):
    backup_service: Text
    backup_url: Annotated[str, Field(min_length=1, max_length=MAX_RECORD_CHARACTERS), AfterValidator(_base64)]


class ImportRecordBody(Body):
    record: BackupRecord = Field(alias="backup-record")


class ResetBackupStatusAction(Body):
    status: str

    def to_status(self) -> str:
        """In small letters; BadRequest for one that may not be set."""
        status = self.status.lower()
        if status not in ("available", "error"):
            raise BadRequest(f"Backup status: {self.status[:255]} is invalid, valid statuses are: available, error.")
        return status
