"""Who may do what by default, under the names operators know. ``nova/policies/``, the defaults with scopes on."""

_ADMIN = "role:admin"
_MEMBER = "role:admin or (role:member and project_id:%(project_id)s)"
_READER = "role:admin or (role:reader and project_id:%(project_id)s)"
_ANYONE = "@"
_OWNER = "role:admin or user_id:%(user_id)s"
_ADMIN_OR_SERVICE = "role:admin or role:service or service_roles:service"

DEFAULTS: dict[str, str] = {}
"""Each rule's name with its check string."""


def _rule(name: str, check: str) -> str:
    name = f"os_compute_api:{name}"
    DEFAULTS[name] = check
    return name


SHOW = _rule("servers:show", _READER)
INDEX = _rule("servers:index", _READER)
ALL_TENANTS = _rule("servers:index:get_all_tenants", _ADMIN)
CREATE = _rule("servers:create", _MEMBER)
ZERO_DISK = _rule("servers:create:zero_disk_flavor", _ADMIN)
FORCED_HOST = _rule("servers:create:forced_host", _ADMIN)
UPDATE = _rule("servers:update", _MEMBER)
DELETE = _rule("servers:delete", _MEMBER)
FORCE_DELETE = _rule("os-deferred-delete:force", _MEMBER)
REBUILD = _rule("servers:rebuild", _MEMBER)
CREATE_IMAGE = _rule("servers:create_image", _MEMBER)
CREATE_IMAGE_VOLUME_BACKED = _rule("servers:create_image:allow_volume_backed", _MEMBER)
START = _rule("servers:start", _MEMBER)
STOP = _rule("servers:stop", _MEMBER)
REBOOT = _rule("servers:reboot", _MEMBER)
PAUSE = _rule("os-pause-server:pause", _MEMBER)
UNPAUSE = _rule("os-pause-server:unpause", _MEMBER)
SUSPEND = _rule("os-suspend-server:suspend", _MEMBER)
RESUME = _rule("os-suspend-server:resume", _MEMBER)
LOCK = _rule("os-lock-server:lock", _MEMBER)
UNLOCK = _rule("os-lock-server:unlock", _MEMBER)
UNLOCK_OVERRIDE = _rule("os-lock-server:unlock:unlock_override", _ADMIN)
RESET_STATE = _rule("os-admin-actions:reset_state", _ADMIN)
CONSOLE = _rule("os-console-output", _MEMBER)
METADATA_SHOW = _rule("server-metadata:show", _READER)
METADATA_CHANGE = _rule("server-metadata:update", _MEMBER)
TAGS_SHOW = _rule("os-server-tags:show", _READER)
TAGS_CHANGE = _rule("os-server-tags:update", _MEMBER)
IPS = _rule("ips:index", _READER)
ACTIONS = _rule("os-instance-actions:list", _READER)
ACTION_EVENTS_DETAILS = _rule("os-instance-actions:events:details", _ADMIN)
ATTACHMENTS = _rule("os-volumes-attachments:index", _READER)
ATTACH = _rule("os-volumes-attachments:create", _MEMBER)
ATTACHMENT_CHANGE = _rule("os-volumes-attachments:update", _MEMBER)
SWAP_VOLUME = _rule("os-volumes-attachments:swap", _ADMIN_OR_SERVICE)
DETACH = _rule("os-volumes-attachments:delete", _MEMBER)
EXTENDED = _rule("os-extended-server-attributes", _ADMIN)
HOST_STATUS = _rule("servers:show:host_status", _ADMIN)
GUEST = _rule("os-stackwire-guest:show", _ADMIN)
FLAVORS = _rule("flavors:index", _ANYONE)
FLAVOR_MANAGE = _rule("os-flavor-manage:create", _ADMIN)
FLAVOR_SPECS = _rule("os-flavor-extra-specs:index", _READER)
FLAVOR_SPECS_CHANGE = _rule("os-flavor-extra-specs:create", _ADMIN)
FLAVOR_ACCESS = _rule("os-flavor-access", _ADMIN)
FLAVOR_ACCESS_CHANGE = _rule("os-flavor-access:add_tenant_access", _ADMIN)
KEYPAIRS = _rule("os-keypairs:index", _OWNER)
KEYPAIR_CHANGE = _rule("os-keypairs:create", _OWNER)
LIMITS = _rule("limits", _READER)
LIMITS_OTHER = _rule("limits:other_project", _ADMIN)
ZONES = _rule("os-availability-zone:list", _ANYONE)
ZONES_DETAIL = _rule("os-availability-zone:detail", _ADMIN)
HYPERVISORS = _rule("os-hypervisors:list", _ADMIN)
SERVICES = _rule("os-services:list", _ADMIN)
COMPUTE_HOSTS = _rule("os-hosts:list", _ADMIN)
COMPUTE_HOSTS_CHANGE = _rule("os-hosts:update", _ADMIN)
USAGE_LIST = _rule("os-simple-tenant-usage:list", _ADMIN)
USAGE_SHOW = _rule("os-simple-tenant-usage:show", _READER)
USAGE_AUDIT = _rule("os-instance-usage-audit-log:list", _ADMIN)
PASSWORD = _rule("os-server-password:show", _READER)
PASSWORD_CLEAR = _rule("os-server-password:clear", _MEMBER)
AGGREGATES = _rule("os-aggregates:index", _ADMIN)
SERVER_GROUPS = _rule("os-server-groups:index", _READER)
VOLUMES = _rule("os-volumes:list", _READER)
VOLUMES_CHANGE = _rule("os-volumes:create", _MEMBER)
SNAPSHOTS = _rule("os-volumes:snapshots:list", _READER)
SNAPSHOTS_CHANGE = _rule("os-volumes:snapshots:create", _MEMBER)
QUOTAS = _rule("os-quota-sets:show", _READER)
QUOTAS_CHANGE = _rule("os-quota-sets:update", _ADMIN)
QUOTAS_DELETE = _rule("os-quota-sets:delete", _ADMIN)
QUOTA_CLASSES = _rule("os-quota-class-sets:show", _ADMIN)
QUOTA_CLASSES_CHANGE = _rule("os-quota-class-sets:update", _ADMIN)
EXTERNAL_EVENTS = _rule("os-server-external-events:create", _ADMIN_OR_SERVICE)
EXTENSIONS = _rule("extensions", _ANYONE)
