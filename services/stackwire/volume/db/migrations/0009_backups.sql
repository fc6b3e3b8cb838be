-- Backups (cinder/db/models.py: Backup). A backup outlives its volume, so that it refers to none. What it keeps of the
-- volume's names and metadata lies in the backup store, beside the bytes: an exported record finds it there again.
CREATE TABLE backups (
    id varchar(36) PRIMARY KEY,
    user_id varchar(255),
    project_id varchar(255) NOT NULL,
    volume_id varchar(36) NOT NULL,
    snapshot_id varchar(36),
    parent_id varchar(36),
    host varchar(255),
    availability_zone varchar(255),
    name varchar(255),
    description varchar(255),
    status varchar(255) NOT NULL,
    fail_reason text,
    size integer NOT NULL CHECK (size >= 0),
    container varchar(255),
    service varchar(255),
    service_metadata varchar(255),
    object_count integer NOT NULL DEFAULT 0,
    num_dependent_backups integer NOT NULL DEFAULT 0,
    data_timestamp timestamptz,
    restore_volume_id varchar(36),
    metadata json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX backups_project ON backups (project_id, created_at DESC, id DESC) WHERE NOT deleted;
CREATE INDEX backups_volume ON backups (volume_id) WHERE NOT deleted;
CREATE INDEX backups_parent ON backups (parent_id) WHERE NOT deleted;
