"""The bodies of quotas. ``nova/api/openstack/compute/schemas/quota_sets.py``, ``quota_classes.py``."""

from typing import Annotated

from pydantic import Field

from stackwire.compute.domain.quotas import CLASS_NETWORK_UNTIL, INJECTION_UNTIL, NETWORK_UNTIL
from stackwire.compute.http.schemas.fields import Body, Flag, Number, Since

Limit = Annotated[Number, Field(ge=-1, le=2**31 - 1)]


class ClassQuotas(Body):
    """Limits by resource; None leaves one as it is."""

    instances: Limit | None = None
    cores: Limit | None = None
    ram: Limit | None = None
    metadata_items: Limit | None = None
    key_pairs: Limit | None = None
    server_groups: Limit | None = None
    server_group_members: Limit | None = None
    fixed_ips: Limit | None = None
    floating_ips: Limit | None = None
    security_groups: Limit | None = None
    security_group_rules: Limit | None = None
    injected_files: Limit | None = None
    injected_file_content_bytes: Limit | None = None
    injected_file_path_bytes: Limit | None = None

    def limits(self) -> dict[str, int]:
        """The limits that were sent."""
        return self.model_dump(exclude={"force"}, exclude_unset=True)


class Quotas(ClassQuotas):
    """Likewise; ``force``: below what is used, too."""

    force: Flag = False


class UpdateQuotas(Body):
    """``PUT /os-quota-sets/{project}``."""

    quota_set: Quotas


class UpdateQuotaClass(Body):
    """``PUT /os-quota-class-sets/{class}``."""

    quota_class_set: ClassQuotas


_INJECTION: Since = {
    "injected_files": INJECTION_UNTIL,
    "injected_file_content_bytes": INJECTION_UNTIL,
    "injected_file_path_bytes": INJECTION_UNTIL,
}
_NETWORK = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")
QUOTAS_UNTIL: Since = {**dict.fromkeys(_NETWORK, NETWORK_UNTIL), **_INJECTION}
CLASS_UNTIL: Since = {**dict.fromkeys(_NETWORK, CLASS_NETWORK_UNTIL), **_INJECTION}
