-- What a project has is counted from the index alone, for each server that it wants more.
CREATE INDEX instances_counted ON instances (project_id, user_id)
    INCLUDE (vcpus, memory_mb, vm_state) WHERE NOT deleted;
-- A name is a regular expression; one that begins with its first letters, as the clients' ^NAME$, is found by them.
CREATE INDEX instances_name ON instances (project_id, display_name varchar_pattern_ops) WHERE NOT deleted;
-- What sweeps look for among all servers, of which there are few.
CREATE INDEX instance_actions_of_volumes ON instance_actions (start_time)
    WHERE action IN ('attach_volume', 'detach_volume');
CREATE INDEX instances_deleted ON instances (host) WHERE deleted;
CREATE INDEX block_device_mapping_attached ON block_device_mapping (instance_uuid)
    WHERE NOT deleted AND attachment_id IS NOT NULL;
CREATE INDEX block_device_mapping_unrequested ON block_device_mapping (created_at)
    WHERE NOT deleted AND volume_id IS NOT NULL AND attachment_id IS NOT NULL AND connection_info IS NULL
      AND updated_at IS NULL;
-- What is used of each host is summed from the index alone, for each server that is placed.
CREATE INDEX allocations_summed ON allocations (host) INCLUDE (vcpus, memory_mb, disk_gb, consumer, instance_uuid);
DROP INDEX allocations_host;
CREATE INDEX allocations_of_other_classes ON allocations (host) WHERE resources::text <> '{}';
CREATE INDEX instances_busy ON instances (uuid)
    WHERE NOT deleted AND (vm_state = 'building' OR task_state IS NOT NULL);
