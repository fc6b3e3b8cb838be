"""Rows of the bad-input tables, and what is true of every refusal.

Rows are numbered through all files of bad input; ``whole`` proves that none is missing: each is in a table of its file,
or named with the test that has it or the reason why there is nothing to test.
"""

import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.cloud import Answer, JsonClient, TestCloud

FAULTS = {
    400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest", 413: "overLimit",
    415: "badMediaType", 501: "notImplemented",
}  # fmt: skip
LISTS = {
    "image": "/v2/images?limit=1000",
    "volume": "/v3/{project_id}/volumes/detail",
    "compute": "/v2.1/servers/detail",
}
UNKNOWN = "11111111-1111-4111-8111-111111111111"
TESTS = Path(__file__).parents[1]


def row(number: int, words: str, *values: object) -> Any:
    return pytest.param(*values, id=f"{number} {words}")


def whole(numbers: range, tables: Iterable[Iterable[Any]], elsewhere: Mapping[int, str]) -> None:
    """Each number is in a table or elsewhere; ``file.py: test_name`` in ``elsewhere`` must be there."""
    here = {int(entry.id.split()[0]) for table in tables for entry in table}
    assert sorted(here | elsewhere.keys()) == list(numbers)
    for told in elsewhere.values():
        for file, name in re.findall(r"(\S+\.py): (test_\w+)", told):
            assert f"def {name}(" in (TESTS / file).read_text(), told


def refused(service: str, answer: Answer, status: int) -> None:
    """The status, told in the body as this API tells it, without a word about our inside."""
    assert answer.status == status, (answer.status, answer.body[:500])
    for word in (b"Traceback", b"asyncpg", b"SELECT ", b"/site-packages/"):
        assert word not in answer.body
    if service == "image":
        assert answer.headers["Content-Type"].startswith("text/html")
        assert re.match(rb"<html>\s*<head>\s*<title>%d [A-Z]" % status, answer.body), answer.body[:200]
        return
    (name,) = answer.json
    assert name == FAULTS[status]
    assert answer.json[name]["code"] == status
    assert answer.json[name]["message"]


async def state(client: JsonClient, service: str) -> Any:
    """What the user has there; the same before and after a refusal."""
    return (await client.get(service, LISTS[service])).ok(200).json


def filled(wish: Any, things: Mapping[str, Any]) -> Any:
    """The wish with each ``$name`` in it replaced by the thing of that name."""
    if isinstance(wish, str) and wish.startswith("$"):
        return things[wish[1:]]
    if isinstance(wish, list):
        return [filled(each, things) for each in wish]
    if isinstance(wish, dict):
        return {key: filled(value, things) for key, value in wish.items()}
    return wish


def qcow2(gigabytes: int) -> bytes:
    """The header of an image that unfolds to so much; no more bytes than a header's."""
    return struct.pack(">4sIQIIQ", b"QFI\xfb", 2, 0, 0, 16, gigabytes << 30).ljust(65536, b"\0")


async def images_in_every_state(cloud: TestCloud) -> dict[str, str]:
    """Ids of images of demo that other services must not use, and of one they may (``image``)."""
    demo, alt, admin = await cloud.http("demo"), await cloud.http("alt"), await cloud.http("admin")
    kinds: dict[str, dict[str, Any]] = {
        **{kind: {} for kind in ("image", "queued", "deactivated", "deleted", "foreign")},
        **{kind: {"name": "borne-twice"} for kind in ("same", "again")},
        "min_disk": {"min_disk": 99},
        "min_ram": {"min_ram": 10**6},
        "huge": {"disk_format": "qcow2"},
    }
    made = {"unknown": UNKNOWN}
    for kind, fields in kinds.items():
        client = alt if kind == "foreign" else demo
        wish = {"name": kind, "disk_format": "raw", "container_format": "bare", **fields}
        made[kind] = (await client.post("image", "/v2/images", json=wish)).ok(201).json["id"]
        path = f"/v2/images/{made[kind]}"
        if kind != "queued":
            data = qcow2(2048) if kind == "huge" else b"x" * 4096
            octets = {"Content-Type": "application/octet-stream"}
            (await client.put("image", f"{path}/file", data=data, headers=octets)).ok(204)
    (await admin.post("image", f"/v2/images/{made['deactivated']}/actions/deactivate")).ok(204)
    (await demo.delete("image", f"/v2/images/{made['deleted']}")).ok(204)
    return made
