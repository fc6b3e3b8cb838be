"""``stackwire guest SERVER``: the guest definition of a server, from its flavor and image properties."""

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from stackwire.cloud.client import Client, Refused, logged_in
from stackwire.compute.domain.model import Flavor
from stackwire.compute.flows.explain import FLAVOR
from stackwire.core.ids import canonical_uuid


async def definition(urls: Mapping[str, str], server: str) -> str:
    """The libvirt domain XML of a server, by id or by a unique name. Raises Refused."""
    async with logged_in(urls, "admin") as admin:
        server_id = canonical_uuid(server) or await _named(admin, server)
        answer = await admin.request("GET", "compute", f"/v2.1/servers/{server_id}/os-stackwire-guest")
        return str(answer["guest"]["domain_xml"])


async def flavor_named(urls: Mapping[str, str], name: str) -> Flavor:
    """A flavor, with its extra specs, by name. Raises Refused."""
    async with logged_in(urls, "admin") as admin:
        found = (await admin.request("GET", "compute", "/v2.1/flavors/detail?is_public=none"))["flavors"]
        view = next((each for each in found if each["name"] == name), None)
        if view is None:
            raise Refused(f"there is no flavor {name!r}")
        specs = (await admin.request("GET", "compute", f"/v2.1/flavors/{view['id']}/os-extra_specs"))["extra_specs"]
    sizes = {"vcpus": view["vcpus"], "memory_mb": view["ram"], "root_gb": view["disk"]}
    return replace(FLAVOR, flavorid=view["id"], name=name, extra_specs=specs, **sizes)


async def _named(admin: Client, name: str) -> str:
    pattern = quote(f"^{re.escape(name)}$", safe="")
    found = (await admin.request("GET", "compute", f"/v2.1/servers?all_tenants=1&name={pattern}"))["servers"]
    if not found:
        raise Refused(f"there is no server {name!r}")
    if len(found) > 1:
        raise Refused(f"{len(found)} servers are named {name!r}: give an id")
    return str(found[0]["id"])
