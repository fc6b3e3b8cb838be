"""Filters that compare the metadata of a host's aggregates with image, flavor and project.

``nova/scheduler/filters/aggregate_*.py``; a value of metadata is a list with commas (``utils.py``).
"""

from stackwire.compute.domain.model import Host
from stackwire.compute.domain.scheduler_model import Needs
from stackwire.core import capabilities

SCOPE = "aggregate_instance_extra_specs:"


def metadata_of(host: Host) -> dict[str, set[str]]:
    """Each key of its aggregates with all of its values."""
    found: dict[str, set[str]] = {}
    for metadata in host.aggregates:
        for key, value in metadata.items():
            found.setdefault(key, set()).update(part.strip() for part in value.split(","))
    return found


def isolates_images(host: Host, needs: Needs) -> str | None:
    """An image may go where no aggregate names one of its properties with another value.

    Only names that the compute service gives a meaning to are in ``properties``: other keys isolate nothing.
    """
    for key, values in metadata_of(host).items():
        own = needs.properties.get(key)
        if own and str(own) not in values:
            return f"{key}={own}, the aggregate has {', '.join(sorted(values))}"
    return None


def lacks_extra_specs(host: Host, needs: Needs) -> str | None:
    """Every extra spec without a scope, or with this filter's, is among its aggregates' metadata."""
    have = metadata_of(host)
    for spec, wanted in needs.flavor.extra_specs.items():
        key = spec.removeprefix(SCOPE)
        if ":" in key:
            continue
        if not any(capabilities.satisfies({"value": value}, {"value": wanted}) for value in have.get(key, ())):
            return f"{spec}={wanted}"
    return None


def isolates_projects(host: Host, needs: Needs) -> str | None:
    """``filter_tenant_id*`` names the only projects that an aggregate is for."""
    named = [values for key, values in metadata_of(host).items() if key.startswith("filter_tenant_id")]
    allowed = set().union(*named)
    return f"filter_tenant_id, not {needs.project_id}" if named and needs.project_id not in allowed else None


def is_for_other_flavors(host: Host, needs: Needs) -> str | None:
    """``instance_type`` of its aggregates names flavors, and none of them is the server's (``type_filter.py``)."""
    named = metadata_of(host).get("instance_type", set())
    return f"instance_type={', '.join(sorted(named))}" if named and needs.flavor.name not in named else None
