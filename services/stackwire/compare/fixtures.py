"""What requests refer to: an image, a volume, a server, ... made in a cloud when first needed, deleted at the end."""

import asyncio
import contextlib
import itertools
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from stackwire.compare.session import Answer, Refused, Session, Unusable

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
COMPUTE_VERSION = "2.37"
"""The first that knows ``networks: none``."""
FIXTURE_POLL_SECONDS = 0.05
REST_TIMEOUT_SECONDS = 60.0
RESTING = {
    "available",
    "in-use",
    "active",
    "ACTIVE",
    "SHUTOFF",
    "error",
    "ERROR",
    "queued",
    "uploading",
    "reserved",
    "attached",
}
_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class Fixture:
    """How a resource is made: what is sent, where the answer has its id, and its own address.

    ``root`` is the key of the resource in its body. ``after_create`` is for what one request does not make,
    ``before_delete`` for what would hold up the deletion.
    """

    service: str
    path: str
    body: Any
    root: str
    version: str = ""
    after_create: Callable[["Fixtures", str], Awaitable[None]] | None = None
    before_delete: Callable[["Fixtures", str], Awaitable[None]] | None = None
    admin: bool = False
    id_key: str = "id"


async def _upload(fixtures: "Fixtures", image: str) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    await fixtures.user.send("PUT", "image", f"/v2/images/{image}/file", data=bytes(1024), headers=headers)


async def _share(fixtures: "Fixtures", image: str) -> None:
    await fixtures.user.send("POST", "image", f"/v2/images/{image}/members", data=b'{"member": "compared"}')


async def _stage(fixtures: "Fixtures", image: str) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    await fixtures.user.send("PUT", "image", f"/v2/images/{image}/stage", data=bytes(1024), headers=headers)


async def _grant(fixtures: "Fixtures", user: str) -> None:
    """The same role in a project, in a domain and in the system."""
    for scope in ("projects/{any_project}", "domains/default", "system"):
        path = await fixtures.filled(f"/{scope}/users/{user}/roles/{{role}}")
        await fixtures.admin.send("PUT", "identity", path)


NAMESPACES = "/v2/metadefs/namespaces"


async def _set_image_metadata(fixtures: "Fixtures", volume: str) -> None:
    await fixtures.rest("imaged_volume")
    metadata = {"os-set_image_metadata": {"metadata": {"k": "v"}}}
    await fixtures.user.send("POST", "volume", f"/volumes/{volume}/action", data=orjson.dumps(metadata))


async def _attach(fixtures: "Fixtures", volume: str) -> None:
    await fixtures.rest("attached_volume")
    attach = {"os-attach": {"host_name": "compared", "mountpoint": "/dev/vdb"}}
    await fixtures.user.send("POST", "volume", f"/volumes/{volume}/action", data=orjson.dumps(attach))


async def _detach(fixtures: "Fixtures", volume: str) -> None:
    """Available, whatever it was: attached, or reserved."""
    reset = {"os-reset_status": {"status": "available", "attach_status": "detached"}}
    await fixtures.admin.send("POST", "volume", f"/volumes/{volume}/action", data=orjson.dumps(reset))


FLAVOR = {"flavor": {"name": "{unique}", "ram": 65536, "vcpus": 64, "disk": 1000}}
IMAGE = {"name": "compared", "disk_format": "raw", "container_format": "bare", "min_ram": 0}


def _identity(
    root: str, body: dict[str, Any], after: Callable[["Fixtures", str], Awaitable[None]] | None = None
) -> Fixture:
    whole = {root: {"name": "{unique}", **body}}
    return Fixture("identity", f"/{root}s", whole, root, admin=True, after_create=after)


VOLUME = {"volume": {"size": 1, "name": "compared"}}
FIXTURES: Mapping[str, Fixture] = {
    "image": Fixture("image", "/v2/images", IMAGE, "", after_create=_upload),
    "queued_image": Fixture("image", "/v2/images", IMAGE, ""),
    "shared_image": Fixture("image", "/v2/images", IMAGE, "", after_create=_share),
    "staged_image": Fixture("image", "/v2/images", IMAGE, "", after_create=_stage),
    "patched_image": Fixture("image", "/v2/images", {**IMAGE, "tags": ["a"], "custom": "a", "other": "a"}, ""),
    "namespace": Fixture("image", NAMESPACES, {"namespace": "{unique}"}, "", admin=True, id_key="namespace"),
    "tagged_namespace": Fixture(
        "image", NAMESPACES, {"namespace": "{unique}", "tags": [{"name": "tag"}]}, "", admin=True, id_key="namespace"
    ),
    "metadef_object": Fixture(
        "image", NAMESPACES + "/{namespace}/objects", {"name": "object"}, "", admin=True, id_key="name"
    ),
    "metadef_property": Fixture(
        "image",
        NAMESPACES + "/{namespace}/properties",
        {"name": "property", "title": "a", "type": "string"},
        "",
        admin=True,
        id_key="name",
    ),
    "any_project": _identity("project", {"description": "a"}),
    "any_domain": _identity("domain", {"enabled": False}),
    "any_user": _identity("user", {"password": "compared"}, _grant),
    "any_group": _identity("group", {}),
    "role": _identity("role", {}),
    "volume": Fixture("volume", "/volumes", VOLUME, "volume", before_delete=_detach),
    "any_flavor": Fixture("compute", "/flavors", FLAVOR, "flavor", admin=True),
    "private_flavor": Fixture(
        "compute",
        "/flavors",
        {"flavor": FLAVOR["flavor"] | {"os-flavor-access:is_public": False}},
        "flavor",
        admin=True,
    ),
    "snapshot": Fixture(
        "volume", "/snapshots", {"snapshot": {"volume_id": "{volume}", "name": "compared"}}, "snapshot"
    ),
    "imaged_volume": Fixture("volume", "/volumes", VOLUME, "volume", after_create=_set_image_metadata),
    "attached_volume": Fixture("volume", "/volumes", VOLUME, "volume", after_create=_attach, before_delete=_detach),
    "attachment": Fixture(
        "volume", "/attachments", {"attachment": {"volume_uuid": "{volume}"}}, "attachment", version="3.54"
    ),
    "volume_type": Fixture("volume", "/types", {"volume_type": {"name": "{unique}"}}, "volume_type", admin=True),
    "private_volume_type": Fixture(
        "volume",
        "/types",
        {"volume_type": {"name": "{unique}", "os-volume-type-access:is_public": False}},
        "volume_type",
        admin=True,
    ),
    "server": Fixture(
        "compute",
        "/servers",
        {"server": {"name": "compared", "imageRef": "{image}", "flavorRef": "{flavor}", "networks": "none"}},
        "server",
        version=COMPUTE_VERSION,
    ),
    "keypair": Fixture("compute", "/os-keypairs", {"keypair": {"name": "{unique}"}}, "keypair", id_key="name"),
}
"""By placeholder. Besides ``{flavor}``, the smallest, ``{project}``, ``{token}``, ``{user_name}``,
``{password}`` and ``{project_name}``, the user's, and ``{unique}`` and ``{uuid}``, always new."""


class Fixtures:
    """The fixtures of one run in one cloud."""

    def __init__(
        self, user: Session, admin: Session, known: Mapping[str, Fixture] = FIXTURES, *, unique: str = ""
    ) -> None:
        self.user = user
        self.admin = admin
        self._known = known
        self._ids: dict[str, str] = {
            "project": user.project_id,
            "token": user.token,
            "user_name": user.credentials.username,
            "password": user.credentials.password,
            "project_name": user.credentials.project,
            **({"unique": unique} if unique else {}),
        }

    async def filled(self, node: Any) -> Any:
        """The body or text with the ids in place of their placeholders. Raises Refused where one cannot be made."""
        if isinstance(node, dict):
            return {await self.filled(key): await self.filled(value) for key, value in node.items()}
        if isinstance(node, list):
            return [await self.filled(each) for each in node]
        if not isinstance(node, str):
            return node
        for name in PLACEHOLDER.findall(node):
            node = node.replace(f"{{{name}}}", await self._id_of(name))
        return node

    async def rest(self, name: str) -> None:
        """Waits until the fixture is in no transient state."""
        fixture = self._known[name]
        deadline = time.monotonic() + REST_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            answer = await self._session(fixture).send(
                "GET", fixture.service, self._path(name), version=fixture.version
            )
            resource = answer.json.get(fixture.root, answer.json) if isinstance(answer.json, dict) else {}
            if answer.status == 404 or (
                resource.get("status", "active") in RESTING and not resource.get("OS-EXT-STS:task_state")
            ):
                return
            await asyncio.sleep(FIXTURE_POLL_SECONDS)

    async def discard(self, *names: str) -> None:
        """Deletes fixtures; the next request that names one makes it anew."""
        for name in names:
            if name in self._known and name in self._ids:
                fixture = self._known[name]
                if fixture.before_delete:
                    await fixture.before_delete(self, self._ids[name])
                await self.delete(fixture.service, self._path(name), version=fixture.version, admin=fixture.admin)
                del self._ids[name]

    async def delete(self, service: str, path: str, *, version: str = "", admin: bool = False) -> None:
        """Deletes what may still be changing, and waits until it is gone."""
        session = self.admin if admin else self.user
        deadline = time.monotonic() + REST_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if (await session.send("DELETE", service, path, version=version)).status in {404, 405}:
                return
            await asyncio.sleep(FIXTURE_POLL_SECONDS)

    async def close(self) -> None:
        """Deletes all, the last first."""
        with contextlib.suppress(Unusable):
            await self.discard(*reversed(list(self._ids)))

    async def _id_of(self, name: str) -> str:
        if name not in self._ids:
            if name == "unique":
                return f"compared-{next(_counter)}-{time.monotonic_ns()}"
            if name == "uuid":
                return str(uuid.uuid4())
            self._ids[name] = await (smallest_flavor(self.user) if name == "flavor" else self._create(name))
        return self._ids[name]

    async def _create(self, name: str) -> str:
        fixture = self._known[name]
        body = orjson.dumps(await self.filled(fixture.body))
        answer = await self._session(fixture).send(
            "POST", fixture.service, await self.filled(fixture.path), data=body, version=fixture.version
        )
        created = str(self._resource_of(name, answer)[fixture.id_key])  # an aggregate's is a number
        self._ids[name] = created
        if fixture.after_create:
            await fixture.after_create(self, created)
        await self.rest(name)
        return created

    def _resource_of(self, name: str, answer: Answer) -> Any:
        fixture = self._known[name]
        if answer.status not in range(200, 300) or not isinstance(answer.json, dict):
            raise Refused(f"no {name} can be made: {answer.status} {answer.json}")
        return answer.json[fixture.root] if fixture.root else answer.json

    def _session(self, fixture: Fixture) -> Session:
        return self.admin if fixture.admin else self.user

    def _path(self, name: str) -> str:
        path = PLACEHOLDER.sub(lambda match: self._ids[match[1]], self._known[name].path)
        return f"{path}/{self._ids[name]}"


async def smallest_flavor(user: Session) -> str:
    """Raises Refused where there is none."""
    answer = await user.send("GET", "compute", "/flavors/detail")
    if answer.status != 200 or not answer.json.get("flavors"):
        raise Refused(f"there are no flavors: {answer.status}")
    return str(min(answer.json["flavors"], key=lambda each: (each["ram"], each["disk"]))["id"])
