"""What programs in Go send: logged in, located, and read as gophercloud v2 does, which refuses what it does not expect.

A status that is not among those of the call, a number where a text belongs and a time in another form are errors there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from support.polling import until

OK = {"GET": (200,), "POST": (201, 202), "PUT": (201, 202), "PATCH": (200, 202, 204), "DELETE": (202, 204)}
"""The statuses of calls that name none."""
ALIASES = {"block-storage": ("block-storage", "block-store", "volume", "volumev2", "volumev3")}
WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?")
WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
TEXTS = "a map of texts"
ATTACHMENT: dict[str, Any] = dict.fromkeys(
    ("attachment_id", "device", "host_name", "id", "server_id", "volume_id"), str
)
ATTACHMENT["attached_at"] = WITHOUT_ZONE
SHAPES: dict[str, dict[str, Any]] = {
    "volume": {
        **dict.fromkeys(("id", "status", "availability_zone", "name", "description", "volume_type"), str),
        **dict.fromkeys(("snapshot_id", "source_volid", "user_id", "bootable", "replication_status"), str),
        "consistencygroup_id": str,
        **dict.fromkeys(("encrypted", "multiattach"), bool),
        **dict.fromkeys(("created_at", "updated_at"), WITHOUT_ZONE),
        **dict.fromkeys(("metadata", "volume_image_metadata"), TEXTS), "size": int, "attachments": [ATTACHMENT],
    },
    "snapshot": {
        **dict.fromkeys(("id", "status", "name", "description", "volume_id"), str), "size": int, "metadata": TEXTS,
        **dict.fromkeys(("created_at", "updated_at"), WITHOUT_ZONE),
    },
    "server": {
        **dict.fromkeys(("id", "tenant_id", "user_id", "name", "status", "accessIPv4", "accessIPv6", "key_name"), str),
        **dict.fromkeys(("OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-AZ:availability_zone"), str),
        **dict.fromkeys(("created", "updated"), WITH_ZONE), "OS-SRV-USG:launched_at": WITHOUT_ZONE, "progress": int,
        "metadata": TEXTS, "flavor": dict, "addresses": dict, "links": list, "OS-EXT-STS:power_state": int,
        "os-extended-volumes:volumes_attached": [{"id": str}], "security_groups": [dict],
    },
    "volumeAttachment": dict.fromkeys(("id", "device", "volumeId", "serverId"), str),
    "keypair": dict.fromkeys(("name", "fingerprint", "public_key", "private_key", "user_id", "type"), str),
    "image": {
        **dict.fromkeys(("id", "name", "status", "container_format", "disk_format", "owner", "visibility"), str),
        **dict.fromkeys(("checksum", "file", "schema"), str), **dict.fromkeys(("protected", "os_hidden"), bool),
        **dict.fromkeys(("min_disk", "min_ram", "virtual_size", "size"), int), "tags": [str],
        **dict.fromkeys(("created_at", "updated_at"), WITH_ZONE),
    },
}  # fmt: skip


def read(value: Any, shape: Any, where: str) -> None:
    """Fails where a decoder of Go does; null is nothing to it, and so are keys that it does not know."""
    if value is None:
        return
    if shape is TEXTS:
        assert all(isinstance(each, str) for each in value.values()), (where, value)
    elif isinstance(shape, re.Pattern):
        assert value == "" or shape.fullmatch(value), (where, value)
    elif isinstance(shape, list):
        assert isinstance(value, list), (where, value)
        for each in value:
            read(each, shape[0], where)
    elif isinstance(shape, dict):
        for name, inner in shape.items():
            read(value.get(name), inner, f"{where}.{name}")
    else:
        assert isinstance(value, shape), (where, value)
        assert shape is not int or not isinstance(value, bool), (where, value)


@dataclass(frozen=True, slots=True)
class GoClient:
    """Of a user who has logged in; ``endpoints`` by service type, as the catalogue and the versions told them."""

    session: aiohttp.ClientSession
    token: str
    endpoints: Mapping[str, str]

    @classmethod
    async def of(cls, session: aiohttp.ClientSession, auth_url: str, auth: dict[str, Any]) -> "GoClient":
        """``auth_url`` with a version is taken at its word."""
        async with session.post(f"{auth_url.rstrip('/')}/auth/tokens", json={"auth": auth}) as answer:
            body = await answer.json()
            assert answer.status == 201, body
            token = answer.headers["X-Subject-Token"]
        found = {}
        for kind, version in (("compute", 2), ("block-storage", 3), ("image", 2)):
            found[kind] = await _located(session, token, body["token"]["catalog"], kind, version)
        found["image"] += "v2/"
        return cls(session, token, found)

    async def call(
        self,
        method: str,
        kind: str,
        path: str,
        body: Any = None,
        *,
        version: str = "",
        ok: tuple[int, ...] = (),
        content_type: str = "application/json",
    ) -> Any:
        """The body of the answer, read as what it is; None for none."""
        headers = {"X-Auth-Token": self.token, "Accept": "application/json", "User-Agent": "gophercloud/v2"}
        if version:
            old, name = {"compute": ("Nova", "compute"), "block-storage": ("Volume", "volume")}[kind]
            headers |= {f"X-OpenStack-{old}-API-Version": version, "OpenStack-API-Version": f"{name} {version}"}
        sent: dict[str, Any] = {}
        if isinstance(body, bytes):
            sent, headers["Content-Type"] = {"data": body}, "application/octet-stream"
        elif body is not None:
            sent, headers["Content-Type"] = {"json": body}, content_type
        async with self.session.request(method, f"{self.endpoints[kind]}{path}", headers=headers, **sent) as answer:
            text = await answer.text()
            assert answer.status in (ok or OK[method]), f"{method} {path}: {answer.status} {text[:2000]}"
            told = await answer.json(content_type=None) if text and method != "DELETE" else None
        for name, shape in SHAPES.items():
            if isinstance(told, dict) and f"{name}s" in told:
                read(told[f"{name}s"], [shape], name)
            elif isinstance(told, dict) and name in told:
                read(told[name], shape, name)
        if kind == "image" and isinstance(told, dict) and "schema" in told and "images" not in told:
            read(told, SHAPES["image"], "image")
        return told

    async def becomes(self, kind: str, path: str, name: str, *statuses: str) -> dict[str, Any]:
        """The resource, once it has one of these statuses."""

        async def there() -> Any:  # the resource, or None
            told = await self.call("GET", kind, path)
            found = told if name == "image" else told[name]
            assert found["status"].lower() != "error", found
            return found if found["status"] in statuses else None

        return dict(await until(there))

    async def is_gone(self, kind: str, path: str) -> None:
        """Once it is not found."""

        async def gone() -> Any:
            return "itemNotFound" in str(await self.call("GET", kind, path, ok=(200, 404)))

        await until(gone)


async def _located(session: aiohttp.ClientSession, token: str, catalog: Any, kind: str, version: int) -> str:
    """The public endpoint of the first service of the type that has the version; one without it in its URL is asked."""
    for entry in catalog:
        if entry["type"] not in ALIASES.get(kind, (kind,)):
            continue
        (url,) = [each["url"].rstrip("/") + "/" for each in entry["endpoints"] if each["interface"] == "public"]
        if match := re.search(r"/v(\d+)(\.\d+)?/", url):
            majors = {int(match[1])}
        else:
            async with session.get(url, headers={"X-Auth-Token": token}) as answer:
                assert answer.status in (200, 300), await answer.text()
                majors = {int(each["id"].removeprefix("v").split(".")[0]) for each in (await answer.json())["versions"]}
        if version in majors:
            return str(url)
    raise LookupError(kind)
