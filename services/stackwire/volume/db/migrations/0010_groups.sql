-- Volumes that are snapshotted together (cinder/db/models.py: Group, GroupSnapshot). Deleted rows stay, as there.
CREATE TABLE groups (
    id varchar(36) PRIMARY KEY,
    user_id varchar(255),
    project_id varchar(255) NOT NULL,
    host varchar(255),
    availability_zone varchar(255) NOT NULL,
    name varchar(255),
    description varchar(255),
    group_type_id varchar(36) NOT NULL,
    volume_type_ids text[] NOT NULL,
    status varchar(255) NOT NULL,
    group_snapshot_id varchar(36),
    source_group_id varchar(36),
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX groups_project ON groups (project_id, created_at DESC, id DESC) WHERE NOT deleted;

CREATE TABLE group_snapshots (
    id varchar(36) PRIMARY KEY,
    group_id varchar(36) NOT NULL REFERENCES groups,
    user_id varchar(255),
    project_id varchar(255) NOT NULL,
    name varchar(255),
    description varchar(255),
    group_type_id varchar(36) NOT NULL,
    status varchar(255) NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX group_snapshots_project ON group_snapshots (project_id, created_at DESC, id DESC) WHERE NOT deleted;

ALTER TABLE volumes ADD COLUMN group_id varchar(36) REFERENCES groups;
ALTER TABLE snapshots ADD COLUMN group_snapshot_id varchar(36) REFERENCES group_snapshots;
CREATE INDEX volumes_group ON volumes (group_id) WHERE NOT deleted AND group_id IS NOT NULL;
CREATE INDEX snapshots_group ON snapshots (group_snapshot_id) WHERE NOT deleted AND group_snapshot_id IS NOT NULL;
