"""Cinder's policy rules with their defaults, in oslo.policy's language; operators' files override them."""

from stackwire.volume.domain.names import names

ADMIN = "role:admin"
MEMBER = "role:admin or (role:member and project_id:%(project_id)s)"
READER = "role:admin or ((role:member or role:reader) and project_id:%(project_id)s)"

_READ = names(
    "volume:get volume:get_all volume:get_volume_metadata volume:get_snapshot volume:get_all_snapshots"
    " volume:get_snapshot_metadata volume:attachment_get volume_extension:volume_image_metadata:show"
    " limits_extension:used_limits volume_extension:quotas:show volume_extension:type_get"
    " volume_extension:type_get_all message:get message:get_all volume_extension:extension"
    " volume:get_transfer volume:get_all_transfers"
    " volume_extension:types_extra_specs:index backup:get backup:get_all"
    " group:get group:get_all group:get_group_snapshot group:get_all_group_snapshots"
)
_WRITE = names(
    "volume:create volume:create_from_image volume:update volume:delete volume:extend"
    " volume:extend_attached_volume volume:create_volume_metadata volume:update_volume_metadata"
    " volume:delete_volume_metadata volume:create_snapshot volume:update_snapshot volume:delete_snapshot"
    " volume:update_snapshot_metadata volume:delete_snapshot_metadata volume:attachment_create"
    " volume:attachment_update volume:attachment_delete volume:attachment_complete volume:reimage"
    " volume:reimage_reserved volume_extension:volume_image_metadata:set"
    " volume_extension:volume_image_metadata:remove volume_extension:volume_actions:upload_image"
    " volume_extension:volume_actions:set_bootable volume_extension:volume_actions:update_readonly"
    " volume_extension:volume_actions:reserve volume_extension:volume_actions:unreserve"
    " volume_extension:volume_actions:begin_detaching volume_extension:volume_actions:roll_detaching"
    " volume_extension:volume_actions:attach volume_extension:volume_actions:detach"
    " volume_extension:volume_actions:initialize_connection volume_extension:volume_actions:terminate_connection"
    " message:delete volume:retype volume:multiattach volume:revert_to_snapshot"
    " snapshot_extension:snapshot_actions:update_snapshot_status volume:create_transfer"
    " volume:accept_transfer volume:delete_transfer"
    " backup:create backup:update backup:delete backup:restore"
    " group:create group:update group:delete group:enable_replication group:disable_replication"
    " group:failover_replication group:list_replication_targets group:create_group_snapshot"
    " group:delete_group_snapshot group:update_group_snapshot"
)
_ADMIN = names(
    "volume:force_delete volume_extension:volume_actions:upload_public"
    " volume_extension:volume_admin_actions:reset_status volume_extension:volume_admin_actions:force_delete"
    " volume_extension:volume_admin_actions:force_detach volume_extension:snapshot_admin_actions:reset_status"
    " volume_extension:volume_admin_actions:extend_volume_completion"
    " volume_extension:volume_manage volume_extension:volume_unmanage volume_extension:list_manageable"
    " snapshot_extension:snapshot_manage snapshot_extension:snapshot_unmanage snapshot_extension:list_manageable"
    " volume_extension:volume_admin_actions:migrate_volume"
    " volume_extension:volume_admin_actions:migrate_volume_completion"
    " volume_extension:snapshot_admin_actions:force_delete volume_extension:quotas:update"
    " volume_extension:quotas:delete volume_extension:type_create volume_extension:type_update"
    " volume_extension:type_delete volume_extension:types_extra_specs:create"
    " volume_extension:types_extra_specs:delete volume_extension:volume_host_attribute"
    " volume_extension:volume_type_access volume_extension:quota_classes:get volume_extension:quota_classes:update"
    " volume_extension:services:index volume_extension:services:update volume:freeze_host volume:thaw_host"
    " volume:failover_host volume_extension:hosts scheduler_extension:scheduler_stats:get_pools"
    " volume_extension:capabilities group:group_types:create group:group_types:update group:group_types:delete"
    " group:group_types_specs:get_all group:group_types_specs:get group:group_types_specs:create"
    " group:group_types_specs:update group:group_types_specs:delete volume_extension:volume_type_encryption:get"
    " volume_extension:volume_type_encryption:create volume_extension:volume_type_encryption:update"
    " volume_extension:volume_type_encryption:delete volume_extension:qos_specs_manage:get_all"
    " volume_extension:qos_specs_manage:get volume_extension:qos_specs_manage:create"
    " volume_extension:qos_specs_manage:update volume_extension:qos_specs_manage:delete"
    " volume_extension:default_set_or_update volume_extension:default_get volume_extension:default_get_all"
    " volume_extension:default_unset"
    " backup:backup-import backup:export-import"
    " backup:backup_project_attribute volume_extension:backup_admin_actions:reset_status"
    " volume_extension:backup_admin_actions:force_delete group:reset_status group:reset_group_snapshot_status"
    " group:group_project_attribute group:group_snapshot_project_attribute clusters:get_all clusters:get"
    " clusters:update"
)

RULES: dict[str, str] = {
    **dict.fromkeys(_READ, READER),
    **dict.fromkeys(_WRITE, MEMBER),
    **dict.fromkeys(_ADMIN, ADMIN),
}
