"""Migrations as each version shows them, in the two forms that Nova has. ``nova/api/openstack/compute/``."""

from typing import Any

from stackwire.compute.domain.migration_states import LIVE_IN_PROGRESS, LIVE_MIGRATION
from stackwire.compute.domain.model import Migration
from stackwire.compute.http.views.links import links, usage_timestamp
from stackwire.core.attributes import attributes, nulls
from stackwire.http.microversions import Microversion

_HOSTS = "source_compute source_node dest_compute dest_node dest_host"


def migration_view(migration: Migration, version: Microversion, base: str, *, hosts: bool) -> dict[str, Any]:
    """An entry of ``/os-migrations``; a live one in progress has links since 2.23. ``base``: the API's ``root_url``."""
    view = {
        **attributes(migration, "id instance_uuid old_instance_type_id new_instance_type_id status"),
        **_common(migration, version, hosts=hosts),
    }
    if version < (2, 23):
        return view
    view["migration_type"] = migration.migration_type
    if migration.migration_type == LIVE_MIGRATION and migration.status in LIVE_IN_PROGRESS:
        view["links"] = links(base, f"servers/{migration.instance_uuid}/migrations/{migration.id}")
    return view


def server_migration_view(migration: Migration, version: Microversion, *, hosts: bool = True) -> dict[str, Any]:
    """An entry of ``/servers/{id}/migrations``; nothing counts the bytes of a simulated migration."""
    counted = " ".join(
        f"{what}_{part}_bytes" for what in ("memory", "disk") for part in ("total", "processed", "remaining")
    )
    return {
        **attributes(migration, "id status"),
        "server_uuid": migration.instance_uuid,
        **nulls(counted),
        **_common(migration, version, hosts=hosts),
    }


def _common(migration: Migration, version: Microversion, *, hosts: bool) -> dict[str, Any]:
    view: dict[str, Any] = {
        **(attributes(migration, _HOSTS) if hosts else nulls(_HOSTS)),
        "created_at": usage_timestamp(migration.created_at),
        "updated_at": usage_timestamp(migration.updated_at),
    }
    if version >= (2, 59):
        view["uuid"] = migration.uuid
    if version >= (2, 80):
        view |= attributes(migration, "user_id project_id")
    return view
