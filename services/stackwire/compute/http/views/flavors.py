"""A flavor as each version shows it. ``nova/api/openstack/compute/views/flavors.py``."""

from typing import Any

from stackwire.compute.domain.model import Flavor
from stackwire.compute.http.views.links import links
from stackwire.http.microversions import Microversion


def flavor_brief(flavor: Flavor, base: str, version: Microversion) -> dict[str, Any]:
    """An entry of the short list."""
    view = {"id": flavor.flavorid, "name": flavor.name, "links": links(base, f"flavors/{flavor.flavorid}")}
    return view | ({"description": flavor.description} if version >= (2, 55) else {})


def flavor_view(flavor: Flavor, base: str, version: Microversion, *, extra_specs: bool) -> dict[str, Any]:
    """The description came in 2.55, extra specs in 2.61, a swap of 0 in 2.75; two fields went in 2.102.

    ``extra_specs``: whether the caller may see them.
    """
    view: dict[str, Any] = {
        "id": flavor.flavorid,
        "name": flavor.name,
        "ram": flavor.memory_mb,
        "disk": flavor.root_gb,
        "swap": flavor.swap if flavor.swap or version >= (2, 75) else "",
        "vcpus": flavor.vcpus,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "os-flavor-access:is_public": flavor.is_public,
        "links": links(base, f"flavors/{flavor.flavorid}"),
    }
    if version < (2, 102):
        view |= {"OS-FLV-DISABLED:disabled": flavor.disabled, "rxtx_factor": flavor.rxtx_factor}
    if version >= (2, 55):
        view["description"] = flavor.description
    if extra_specs and version >= (2, 61):
        view["extra_specs"] = dict(flavor.extra_specs)
    return view


def flavor_access_view(flavorid: str, project_ids: list[str]) -> dict[str, Any]:
    """Who may use a private flavor."""
    return {"flavor_access": [{"flavor_id": flavorid, "tenant_id": project_id} for project_id in project_ids]}
