"""Volumes and their metadata (``cinder/api/v3/volumes.py``, ``volume_metadata.py``)."""

from typing import Any

from stackwire.compare.request import Request

NAMES: dict[str, Any] = {"name": "compared", "description": "d", "metadata": {"k": "v"}}
OLD_NAMES = {"display_name": "compared", "display_description": "d"}
CREATED: dict[str, Any] = {"created": "volume.id", "undo": "/volumes/{}"}


def _create(
    name: str, /, *versions: str, unvaried: tuple[str, ...] = (), hints: object = None, **volume: object
) -> Request:
    body = {"volume": {"size": 1, **volume}, **({"OS-SCH-HNT:scheduler_hints": hints} if hints else {})}
    return Request(
        f"volumes.{name}", "volume", "POST", "/volumes", body, versions=versions, unvaried=unvaried, **CREATED
    )


def _update(name: str, volume: object) -> Request:
    return Request(
        f"volumes.{name}", "volume", "PUT", "/volumes/{volume}", {"volume": volume}, versions=("3.0", "3.53")
    )


def _metadata(name: str, method: str, path: str, root: str) -> Request:
    address = "/volumes/{volume}/metadata" + path
    return Request(f"volumes.{name}", "volume", method, address, {root: {"k": "v"}}, versions=("3.0",))


REQUESTS = [
    _create(
        "create",
        "3.0",
        "3.53",
        **NAMES,
        volume_type="__DEFAULT__",
        availability_zone="nova",
        multiattach=False,
        image_id=None,
        snapshot_id=None,
        source_volid=None,
        consistencygroup_id=None,
    ),
    _create("create-old-names", "3.0", unvaried=("volume.size",), **OLD_NAMES, imageRef=None),
    _create("create-in-group", "3.12", "3.13", unvaried=("volume.size",), group_id=None),
    _create("create-from-backup", "3.46", "3.47", unvaried=("volume.size",), backup_id=None),
    _create("create-from-snapshot", "3.0", snapshot_id="{snapshot}"),
    _create("create-from-volume", "3.0", source_volid="{volume}"),
    _create("create-from-image", "3.0", imageRef="{image}"),
    _create(
        "create-with-hints",
        "3.0",
        unvaried=("volume.size",),
        hints={"local_to_instance": None, "different_host": "{volume}", "same_host": ["{volume}"]},
    ),
    _update("update", NAMES),
    _update("update-old-names", OLD_NAMES),
    _update("update-name", {"name": "compared"}),
    _metadata("metadata-create", "POST", "", "metadata"),
    _metadata("metadata-replace", "PUT", "", "metadata"),
    _metadata("metadata-set", "PUT", "/k", "meta"),
]
