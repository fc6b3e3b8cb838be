"""What a property does and what it means, asked of the code and of a running cloud: for commands and pages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from stackwire.cloud.client import Client, Refused, logged_in
from stackwire.cloud.definitions import KINDS, DefinedProperty, defined, definitions
from stackwire.cloud.guest import flavor_named
from stackwire.cloud.options import ORDER
from stackwire.compute.flows.explain import FLAVOR, explain
from stackwire.core.behaviours import BUG_ALIASES, BUGS
from stackwire.core.clock import Clock
from stackwire.core.errors import BadRequest, NotFound, Unavailable
from stackwire.messaging.transport import Transport
from stackwire.trace import app
from stackwire.trace.app import TraceService
from stackwire.trace.settings import TraceSettings

_NO_PROPERTIES = frozenset({"direct_url", "locations", "stores", "validation_data"})
"""Attributes of an image that its schema does not always have."""


class PropertyAnswers:
    """``urls``: of the cloud's services. Errors are those of an API."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    async def explain(self, properties: Sequence[str], flavor: str | None) -> dict[str, Any]:
        """What each ``KEY=VALUE`` does, for a flavor of the cloud where one is named."""
        pairs = [text.partition("=") for text in properties]
        if wrong := [key for key, sign, _ in pairs if not (key and sign)]:
            raise BadRequest(f"{wrong[0]!r} is no KEY=VALUE")
        known = FLAVOR
        if flavor:
            try:
                known = await flavor_named(self._urls, flavor)
            except Refused as error:
                raise NotFound(str(error)) from None
            except (aiohttp.ClientError, OSError) as error:
                raise Unavailable(f"the cloud does not answer: {error}") from None
        found = [explain(key, value, known) for key, _, value in pairs]
        return {"flavor": known.name, "explanations": [{**asdict(each), "is_read": each.is_read} for each in found]}

    async def defined(self, kind: str, ident: str) -> dict[str, Any]:
        """Each property of an image, a flavor, an aggregate or a volume (by id or name) with its definition; ``note``:
        why none has one."""
        if kind not in KINDS:
            raise NotFound(f"{kind[:100]!r} is none of {', '.join(KINDS)}")
        try:
            async with logged_in(self._urls, "admin") as admin:
                found = await _FINDERS[kind](admin, ident)
                namespaces = await _namespaces(admin, KINDS[kind])
        except Refused as error:
            raise NotFound(str(error)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the cloud does not answer: {error}") from None
        rows = defined(found.pop("groups"), definitions(namespaces or [], KINDS[kind]), kind)
        return {
            **found,
            "kind": kind,
            "resource_type": KINDS[kind],
            "properties": [asdict(row) for row in rows],
            "note": _NO_DEFINITIONS if namespaces is None else None,
        }

    def bugs(self) -> list[dict[str, Any]]:
        """The pages of all old bugs, as they are on file (bugs/recordings)."""
        return list(_bug_pages().values())

    def bug(self, name: str) -> dict[str, Any]:
        """The page of one; NotFound."""
        page = _bug_pages().get(BUG_ALIASES.get(name.lower(), name))
        if page is None:
            raise NotFound(f"there is no bug {name[:100]!r}")
        return page


@cache
def _bug_pages() -> dict[str, dict[str, Any]]:
    folder = files("stackwire.cloud") / "bugs" / "recordings"
    return {bug: orjson.loads(file.read_bytes()) for bug in BUGS if (file := folder / f"{bug}.json").is_file()}


async def build_tracer(settings: TraceSettings, *, transport: Transport, clock: Clock | None = None) -> TraceService:
    """A tracer that asks the services of its settings' URLs."""
    answers = PropertyAnswers({name: getattr(settings, f"{name}_url") for name in ORDER})
    return await app.build(settings, transport=transport, clock=clock, answers=answers)


_NO_DEFINITIONS = "the image service reaches its rows through glance-registry, which has no definitions"


async def _namespaces(admin: Client, resource_type: str) -> list[dict[str, Any]] | None:
    """Those for the resource type, with the names that properties have there. None: none can be had."""
    wanted, found, path = quote(resource_type, safe=""), list[dict[str, Any]](), None
    path = f"/v2/metadefs/namespaces?resource_types={wanted}&limit=100"
    status, _, _ = await admin.try_request("GET", "image", path)
    if status == 501:  # data_api registry
        return None
    while path:
        page = await admin.request("GET", "image", path)
        for each in page["namespaces"]:
            name = quote(each["namespace"], safe="")
            found.append(await admin.request("GET", "image", f"/v2/metadefs/namespaces/{name}?resource_type={wanted}"))
        path = page.get("next")
    return found


# ---- one resource by id or name


async def _image(admin: Client, ident: str) -> dict[str, Any]:
    status, view, _ = await admin.try_request("GET", "image", f"/v2/images/{quote(ident, safe='')}")
    if status != 200:
        listed = (await admin.request("GET", "image", f"/v2/images?name=in:{quote(_quoted(ident), safe='')}"))["images"]
        view = _only(listed, "image", ident)
    schema = (await admin.request("GET", "image", "/v2/schemas/image"))["properties"]
    base = {name for name, rules in schema.items() if rules.get("is_base", True)} | _NO_PROPERTIES
    properties = {key: value for key, value in view.items() if key not in base and value is not None}
    return {"id": view["id"], "name": view["name"], "groups": {"properties": properties}}


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def _flavor(admin: Client, ident: str) -> dict[str, Any]:
    listed = (await admin.request("GET", "compute", "/v2.1/flavors/detail?is_public=none"))["flavors"]
    view = _only([each for each in listed if ident in (each["id"], each["name"])], "flavor", ident)
    path = f"/v2.1/flavors/{quote(view['id'], safe='')}/os-extra_specs"
    specs = (await admin.request("GET", "compute", path))["extra_specs"]
    return {"id": view["id"], "name": view["name"], "groups": {"extra_specs": specs}}


async def _aggregate(admin: Client, ident: str) -> dict[str, Any]:
    listed = (await admin.request("GET", "compute", "/v2.1/os-aggregates"))["aggregates"]
    view = _only([each for each in listed if ident in (str(each["id"]), each["name"])], "aggregate", ident)
    return {"id": str(view["id"]), "name": view["name"], "groups": {"metadata": view["metadata"]}}


async def _volume(admin: Client, ident: str) -> dict[str, Any]:
    path = f"/v3/{{project}}/volumes/{quote(ident, safe='')}"
    status, answer, _ = await admin.try_request("GET", "volume", path)
    view = answer["volume"] if status == 200 else None
    if view is None:
        path = f"/v3/{{project}}/volumes/detail?all_tenants=1&name={quote(ident, safe='')}"
        view = _only((await admin.request("GET", "volume", path))["volumes"], "volume", ident)
    groups = {"metadata": view["metadata"], "volume_image_metadata": view.get("volume_image_metadata") or {}}
    return {"id": view["id"], "name": view["name"], "groups": groups}


_FINDERS = {"image": _image, "flavor": _flavor, "aggregate": _aggregate, "volume": _volume}


def _only(found: Sequence[Mapping[str, Any]], kind: str, ident: str) -> Mapping[str, Any]:
    if not found:
        raise Refused(f"there is no {kind} {ident!r}")
    if len(found) > 1:
        raise Refused(f"{len(found)} of kind {kind} are named {ident!r}: give an id")
    return found[0]


def in_words(found: Mapping[str, Any]) -> str:
    """For a terminal."""
    lines = [f"{found['kind']} {found['name']} ({found['id']}), {found['resource_type']}"]
    if found["note"]:
        lines.append(f"  no definitions: {found['note']}")
    for row in (DefinedProperty(**each) for each in found["properties"]):
        lines.append(f"  {row.key}={row.value}" + (f" ({row.of})" if row.of != "properties" else ""))
        if row.namespace is None:
            lines.append("    no definition")
            continue
        lines.append(f"    {row.title}: {row.type}" + (f", {row.allowed}" if row.allowed else ""))
        lines.append(f"    {row.namespace}")
        lines += [f"    out of its range: {why}" for why in row.problems]
    return "\n".join(lines if found["properties"] else [*lines, "  no properties"])
