"""The body of ``PUT /os-quota-sets/{project}``. ``nova/api/openstack/compute/schemas/quota_sets.py``."""

from stackwire.compute.http.schemas.fields import Body, Flag, Number


class Quotas(Body):
    """Limits by resource; None leaves one as it is. ``force``: below what is used, too."""

    instances: Number | None = None
    cores: Number | None = None
    ram: Number | None = None
    metadata_items: Number | None = None
    key_pairs: Number | None = None
    server_groups: Number | None = None
    server_group_members: Number | None = None
    fixed_ips: Number | None = None
    floating_ips: Number | None = None
    security_groups: Number | None = None
    security_group_rules: Number | None = None
    injected_files: Number | None = None
    injected_file_content_bytes: Number | None = None
    injected_file_path_bytes: Number | None = None
    tenant_id: str | None = None
    force: Flag = False

    def limits(self) -> dict[str, int]:
        """The limits that were sent."""
        sent = ((name, getattr(self, name)) for name in self.model_fields_set - {"tenant_id", "force"})
        return {name: limit for name, limit in sent if limit is not None}


class UpdateQuotas(Body):
    """``PUT /os-quota-sets/{project}``."""

    quota_set: Quotas
