"""Attachments (``cinder/api/v3/attachments.py``)."""

from typing import Any

from stackwire.compare.request import Request

SERVER = "11111111-2222-4333-8444-555555555555"
CONNECTOR = {"host": "compared", "initiator": "iqn.compared", "mode": "rw"}


def _create(name: str, *versions: str, **attachment: Any) -> Request:
    return Request(
        f"attachments.{name}",
        "volume",
        "POST",
        "/attachments",
        {"attachment": {"volume_uuid": "{volume}", **attachment}},
        versions=versions,
        created="attachment.id",
        undo="/attachments/{}",
        unvaried=("attachment.connector.host", "attachment.connector.initiator", "attachment.connector.mode"),
    )


def _to_attachment(name: str, method: str, path: str, body: Any, version: str) -> Request:
    return Request(
        f"attachments.{name}",
        "volume",
        method,
        "/attachments/{attachment}" + path,
        body,
        versions=(version,),
        renew=("attachment",),
    )


REQUESTS = [
    _create("create", "3.27", "3.54", instance_uuid=SERVER),
    _create("create-connected", "3.27", connector=CONNECTOR),
    _create("create-with-mode", "3.54", mode="rw"),
    _to_attachment("update", "PUT", "", {"attachment": {"connector": CONNECTOR}}, "3.27"),
    _to_attachment("complete", "POST", "/action", {"os-complete": {}}, "3.44"),
]
