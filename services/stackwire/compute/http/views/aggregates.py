"""An aggregate as each version shows it. ``nova/api/openstack/compute/aggregates.py``."""

from typing import Any

from stackwire.compute.domain.model_groups import Aggregate
from stackwire.compute.http.views.links import usage_timestamp
from stackwire.core.attributes import attributes
from stackwire.http.microversions import Microversion


def aggregate_view(aggregate: Aggregate, version: Microversion, *, created: bool = False) -> dict[str, Any]:
    """Its uuid since 2.41; one just ``created`` without hosts and metadata."""
    parts = {} if created else attributes(aggregate, "hosts metadata")
    return {
        **attributes(aggregate, "id uuid name" if version >= (2, 41) else "id name"),
        **parts,
        "created_at": usage_timestamp(aggregate.created_at),
        "updated_at": usage_timestamp(aggregate.updated_at),
        "deleted_at": None,
        "deleted": False,
        "availability_zone": aggregate.availability_zone,
    }
