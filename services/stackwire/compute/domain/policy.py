"""Who may do what by default, under the names operators know. ``nova/policies/``, the defaults with scopes on."""

_ADMIN = "role:admin"
_MEMBER = "role:admin or (role:member and project_id:%(project_id)s)"
_READER = "role:admin or (role:reader and project_id:%(project_id)s)"
_ANYONE = "@"
_OWNER = "role:admin or user_id:%(user_id)s"
_ADMIN_OR_SERVICE = "role:admin or role:service or service_roles:service"

SHOW = "os_compute_api:servers:show"
INDEX = "os_compute_api:servers:index"
ALL_TENANTS = "os_compute_api:servers:index:get_all_tenants"
CREATE = "os_compute_api:servers:create"
ZERO_DISK = "os_compute_api:servers:create:zero_disk_flavor"
FORCED_HOST = "os_compute_api:servers:create:forced_host"
UPDATE = "os_compute_api:servers:update"
DELETE = "os_compute_api:servers:delete"
FORCE_DELETE = "os_compute_api:os-deferred-delete:force"
REBUILD = "os_compute_api:servers:rebuild"
CREATE_IMAGE = "os_compute_api:servers:create_image"
CREATE_IMAGE_VOLUME_BACKED = "os_compute_api:servers:create_image:allow_volume_backed"
START = "os_compute_api:servers:start"
STOP = "os_compute_api:servers:stop"
REBOOT = "os_compute_api:servers:reboot"
PAUSE = "os_compute_api:os-pause-server:pause"
UNPAUSE = "os_compute_api:os-pause-server:unpause"
SUSPEND = "os_compute_api:os-suspend-server:suspend"
RESUME = "os_compute_api:os-suspend-server:resume"
LOCK = "os_compute_api:os-lock-server:lock"
UNLOCK = "os_compute_api:os-lock-server:unlock"
UNLOCK_OVERRIDE = "os_compute_api:os-lock-server:unlock:unlock_override"
RESET_STATE = "os_compute_api:os-admin-actions:reset_state"
CONSOLE = "os_compute_api:os-console-output"
METADATA_SHOW = "os_compute_api:server-metadata:show"
METADATA_CHANGE = "os_compute_api:server-metadata:update"
TAGS_SHOW = "os_compute_api:os-server-tags:show"
TAGS_CHANGE = "os_compute_api:os-server-tags:update"
IPS = "os_compute_api:ips:index"
ACTIONS = "os_compute_api:os-instance-actions:list"
ACTION_EVENTS_DETAILS = "os_compute_api:os-instance-actions:events:details"
ATTACHMENTS = "os_compute_api:os-volumes-attachments:index"
ATTACH = "os_compute_api:os-volumes-attachments:create"
ATTACHMENT_CHANGE = "os_compute_api:os-volumes-attachments:update"
SWAP_VOLUME = "os_compute_api:os-volumes-attachments:swap"
DETACH = "os_compute_api:os-volumes-attachments:delete"
EXTENDED = "os_compute_api:os-extended-server-attributes"
HOST_STATUS = "os_compute_api:servers:show:host_status"
GUEST = "os_compute_api:os-stackwire-guest:show"
FLAVORS = "os_compute_api:flavors:index"
FLAVOR_MANAGE = "os_compute_api:os-flavor-manage:create"
FLAVOR_SPECS = "os_compute_api:os-flavor-extra-specs:index"
FLAVOR_SPECS_CHANGE = "os_compute_api:os-flavor-extra-specs:create"
FLAVOR_ACCESS = "os_compute_api:os-flavor-access"
FLAVOR_ACCESS_CHANGE = "os_compute_api:os-flavor-access:add_tenant_access"
KEYPAIRS = "os_compute_api:os-keypairs:index"
KEYPAIR_CHANGE = "os_compute_api:os-keypairs:create"
LIMITS = "os_compute_api:limits"
LIMITS_OTHER = "os_compute_api:limits:other_project"
ZONES = "os_compute_api:os-availability-zone:list"
ZONES_DETAIL = "os_compute_api:os-availability-zone:detail"
HYPERVISORS = "os_compute_api:os-hypervisors:list"
SERVICES = "os_compute_api:os-services:list"
AGGREGATES = "os_compute_api:os-aggregates:index"
SERVER_GROUPS = "os_compute_api:os-server-groups:index"
QUOTAS = "os_compute_api:os-quota-sets:show"
QUOTAS_CHANGE = "os_compute_api:os-quota-sets:update"
EXTERNAL_EVENTS = "os_compute_api:os-server-external-events:create"
EXTENSIONS = "os_compute_api:extensions"

_MEMBERS = (
    CREATE, UPDATE, DELETE, FORCE_DELETE, REBUILD, CREATE_IMAGE, CREATE_IMAGE_VOLUME_BACKED, START, STOP, REBOOT, PAUSE,
    UNPAUSE, SUSPEND, RESUME, LOCK, UNLOCK, CONSOLE, METADATA_CHANGE, TAGS_CHANGE, ATTACH, ATTACHMENT_CHANGE, DETACH,
)  # fmt: skip
_READERS = (
    SHOW, INDEX, METADATA_SHOW, TAGS_SHOW, IPS, ACTIONS, ATTACHMENTS, FLAVOR_SPECS, LIMITS, QUOTAS, SERVER_GROUPS,
)  # fmt: skip
_ADMINS = (
    ALL_TENANTS, ZERO_DISK, FORCED_HOST, UNLOCK_OVERRIDE, RESET_STATE, ACTION_EVENTS_DETAILS, EXTENDED, HOST_STATUS,
    GUEST, FLAVOR_MANAGE, FLAVOR_SPECS_CHANGE, FLAVOR_ACCESS, FLAVOR_ACCESS_CHANGE, LIMITS_OTHER, ZONES_DETAIL,
    HYPERVISORS, SERVICES, AGGREGATES, QUOTAS_CHANGE,
)  # fmt: skip

DEFAULTS: dict[str, str] = {
    **dict.fromkeys(_MEMBERS, _MEMBER),
    **dict.fromkeys(_READERS, _READER),
    **dict.fromkeys(_ADMINS, _ADMIN),
    **dict.fromkeys((FLAVORS, ZONES, EXTENSIONS), _ANYONE),
    **dict.fromkeys((KEYPAIRS, KEYPAIR_CHANGE), _OWNER),
    EXTERNAL_EVENTS: _ADMIN_OR_SERVICE,
    SWAP_VOLUME: "service_roles:service",
}
