"""What a backup keeps beside the bytes, and the record by which another cloud finds it in the store.

``cinder/backup/chunkeddriver.py: _write_metadata``, ``cinder/backup/driver.py: BackupMetadataAPI``,
``cinder/objects/backup.py: encode_record, decode_record``.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from stackwire.contracts.volume import InvalidInput
from stackwire.core.ids import canonical_uuid
from stackwire.volume.domain.errors import InvalidBackup
from stackwire.volume.domain.model import Backup, Volume
from stackwire.volume.domain.objects import backup_object
from stackwire.volume.domain.size_checks import MAX_SIZE_GB
from stackwire.volume.domain.travel import Rows

IMPORTED_VOLUME = "00000000-0000-0000-0000-000000000000"
"""The volume of a backup whose record is being imported."""
_BASE, _META, _GLANCE = "volume-base-metadata", "volume-metadata", "volume-glance-metadata"
_AUTO_NAME = "restore_backup_"
MAX_RECORD_CHARACTERS = 1024**2


def place(backup: Backup, now: datetime, bucket: str | None) -> dict[str, Any]:
    """``container`` and ``service_metadata``: where the objects of a new backup go; as they are when it has them.

    ``bucket``: of a store in S3 (``drivers/s3.py: _generate_object_name_prefix``); None for a folder of its own.
    """
    moment, volume = f"{now:%Y%m%d%H%M%S}", f"volume_{backup.volume_id}"
    if bucket is None:
        container = f"{backup.id[:2]}/{backup.id[2:4]}/{backup.id}"
        prefix = f"{volume}_{moment}_backup_{backup.id}"
    else:
        container, prefix = bucket, f"{volume}/{moment}/az_{backup.availability_zone}_backup_{backup.id}"
    return {"container": backup.container or container, "service_metadata": backup.service_metadata or prefix}


def metadata_object(
    backup: Backup, objects: Sequence[Mapping[str, Any]], volume: Volume, rows: Mapping[str, str]
) -> dict[str, Any]:
    """What is stored with the backup's objects: their list, and the volume's names, metadata and image metadata."""
    kept: dict[str, Any] = {
        "version": 2,
        _BASE: {
            "id": volume.id,
            "size": volume.size,
            "volume_type_id": volume.volume_type_id,
            "display_name": volume.name,
            "display_description": volume.description,
        },
    }
    kept |= {name: dict(given) for name, given in ((_META, volume.metadata), (_GLANCE, rows)) if given}
    return {
        "version": "1.0.0",
        "backup_id": backup.id,
        "volume_id": backup.volume_id,
        "backup_name": backup.name,
        "backup_description": backup.description,
        "created_at": str(backup.created_at),
        "objects": list(objects),
        "parent_id": backup.parent_id,
        "volume_meta": json.dumps(kept),
    }


def _kept(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = json.loads(stored.get("volume_meta") or "{}")
    return kept if isinstance(kept, dict) else {}


def kept_rows(chain: Sequence[Mapping[str, Any]]) -> Rows:
    """The image metadata of the newest of these backups (the full one first) that has any."""
    return next((dict(found) for stored in reversed(chain) if (found := _kept(stored).get(_GLANCE))), {})


def restored_columns(chain: Sequence[Mapping[str, Any]], backup: Backup, volume: Volume) -> dict[str, Any]:
    """What a restore changes of the volume: its metadata, and its names unless somebody chose them.

    Each backup of the chain (the full one first) is applied over the one before.
    """
    columns: dict[str, Any] = {"name": volume.name, "description": volume.description, "metadata": volume.metadata}
    for kept in map(_kept, chain):
        base = kept.get(_BASE) or {}
        if base.get("display_name") and (columns["name"] or _AUTO_NAME).startswith(_AUTO_NAME):
            columns |= {"name": base["display_name"], "description": base.get("display_description")}
        columns["metadata"] = dict(kept.get(_META) or columns["metadata"])
    former = columns["metadata"].get("src_backup_id")
    if backup.volume_id != volume.id or (former and former != backup.id):
        columns["metadata"] = {**columns["metadata"], "src_backup_id": backup.id}
    return columns


def encode_record(backup: Backup) -> str:
    """The backup as base64 of JSON."""
    data = backup_object(backup)["versioned_object.data"]
    del data["parent"]
    return base64.b64encode(json.dumps({"driver_info": {}, **data}).encode()).decode()


def decode_record(text: str) -> dict[str, Any]:
    """What is encoded, as far as its id and size are right. InvalidInput."""
    try:
        record = json.loads(base64.b64decode(text))
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidInput(reason="Can't parse backup record.") from None
    if not isinstance(record, dict) or "id" not in record:
        raise InvalidInput(reason="Provided backup record is missing an id")
    size, ident = record.get("size"), canonical_uuid(record["id"])
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_SIZE_GB:
        raise InvalidInput(reason="Provided backup record is missing size attribute")
    if ident is None:
        raise InvalidInput(reason="The id of the backup record is no uuid.")
    return {**record, "id": ident}


_Text = Annotated[str, StringConstraints(max_length=255)]
_Id = Annotated[str, StringConstraints(max_length=36)]


class _Record(BaseModel):
    """The fields that are taken from a record; who owns the backup and where it is are not among them."""

    model_config = ConfigDict(extra="ignore", strict=True)

    display_name: _Text | None
    display_description: _Text | None
    container: _Text
    size: int
    service_metadata: _Text
    object_count: int = Field(ge=0, le=2**31 - 1)
    volume_id: _Id = IMPORTED_VOLUME
    snapshot_id: _Id | None = None
    parent_id: _Id | None = None
    data_timestamp: datetime | None = Field(default=None, strict=False)
    created_at: datetime | None = Field(default=None, strict=False)
    metadata: dict[_Text, _Text] = {}


def imported_columns(backup_id: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an imported backup. InvalidBackup for missing or odd fields, and for objects of another backup."""
    try:
        read = _Record.model_validate(record).model_dump(exclude_none=True)
    except ValidationError as error:
        fields = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
        raise InvalidBackup(reason=f"the record lacks fields, or has wrong ones: {fields}.") from None
    if not read["service_metadata"].endswith(f"backup_{backup_id}"):
        raise InvalidBackup(reason="the record names the objects of another backup.")
    named = {"name": read.pop("display_name", None), "description": read.pop("display_description", None)}
    return {**named, **read}
