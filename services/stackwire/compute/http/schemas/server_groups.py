"""The body of ``POST /os-server-groups``. ``nova/api/openstack/compute/schemas/server_groups.py``."""

from typing import Annotated, Any, Literal

from pydantic import Field

from stackwire.compute.http.schemas.fields import Body, Name, Number
from stackwire.core.errors import BadRequest
from stackwire.http.microversions import Microversion
from stackwire.http.request import read

Policy = Literal["anti-affinity", "affinity", "soft-anti-affinity", "soft-affinity"]


class Rules(Body):
    """``rules``, since 2.64."""

    max_server_per_host: Annotated[Number, Field(ge=1)] | None = None


class NewServerGroup(Body):
    """``server_group`` since 2.64."""

    name: Name
    policy: Policy
    rules: Rules = Rules()


class CreateServerGroup(Body):
    """``POST /os-server-groups`` since 2.64."""

    server_group: NewServerGroup


class OldServerGroup(Body):
    """``server_group`` before: one policy, in a list."""

    name: Name
    policies: Annotated[list[Policy], Field(min_length=1, max_length=1)]


class CreateOldServerGroup(Body):
    """``POST /os-server-groups`` before 2.64."""

    server_group: OldServerGroup


def parse_server_group(raw: Any, version: Microversion) -> tuple[str, str, dict[str, int] | None]:
    """Name, policy and rules, of which there were none before 2.64; the soft policies came with 2.15."""
    if version >= (2, 64):
        new = read(CreateServerGroup, raw).server_group
        return new.name, new.policy, new.rules.model_dump(exclude_none=True)
    old = read(CreateOldServerGroup, raw).server_group
    if version < (2, 15) and old.policies[0].startswith("soft-"):
        raise BadRequest(f"Invalid input for field/attribute policies. Value: {old.policies[0]}.")
    return old.name, old.policies[0], None
