"""Snapshots, their actions and metadata (``cinder/api/v3/snapshots.py``, ``snapshot_metadata.py``)."""

from typing import Any

from stackwire.compare.request import Request

CREATED: dict[str, Any] = {"created": "snapshot.id", "undo": "/snapshots/{}"}


def _create(name: str, /, *versions: str, **snapshot: Any) -> Request:
    body = {"snapshot": {"volume_id": "{volume}", **snapshot}}
    return Request(f"snapshots.{name}", "volume", "POST", "/snapshots", body, versions=versions, **CREATED)


def _to_snapshot(name: str, method: str, path: str, body: Any, **rest: Any) -> Request:
    return Request(
        f"snapshots.{name}", "volume", method, "/snapshots/{snapshot}" + path, body, versions=("3.0",), **rest
    )


NEW = {"name": "compared", "description": "d"}
OLD = {"display_name": "compared", "display_description": "d"}
REQUESTS = [
    _create("create", "3.0", "3.66", **NEW, metadata={"k": "v"}, force=True),
    _create("create-old-name", "3.0", "3.66", display_name="compared"),
    _to_snapshot("update", "PUT", "", {"snapshot": NEW | OLD}),
    _to_snapshot("update-name", "PUT", "", {"snapshot": {"name": "compared"}}),
    _to_snapshot("reset_status", "POST", "/action", {"os-reset_status": {"status": "available"}}, admin=True),
    _to_snapshot("metadata-create", "POST", "/metadata", {"metadata": {"k": "v"}}),
    _to_snapshot("metadata-replace", "PUT", "/metadata", {"metadata": {"k": "v"}}),
    _to_snapshot("metadata-set", "PUT", "/metadata/k", {"meta": {"k": "v"}}),
]
