-- Servers that go over from one volume to another: recorded before the volume service is asked for anything.
CREATE TABLE volume_swaps (
    attachment_id varchar(36) PRIMARY KEY,
    device_uuid varchar(36) NOT NULL UNIQUE,
    instance_uuid varchar(36) NOT NULL,
    old_volume_id varchar(36) NOT NULL,
    new_volume_id varchar(36) NOT NULL,
    request_id varchar(255) NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX volume_swaps_instance ON volume_swaps (instance_uuid);
