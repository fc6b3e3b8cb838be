-- Cinder's tables as far as they matter here (cinder/db/models.py). Deleted rows stay, as there.
CREATE TABLE volume_types (
    id varchar(36) PRIMARY KEY,
    name varchar(255) NOT NULL,
    description varchar(255),
    is_public boolean NOT NULL DEFAULT true,
    extra_specs json NOT NULL DEFAULT '{}',
    projects text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX volume_types_name ON volume_types (name) WHERE NOT deleted;
INSERT INTO volume_types (id, name, description, created_at)
VALUES (gen_random_uuid()::text, '__DEFAULT__', 'Default Volume Type', now());

CREATE TABLE volumes (
    id varchar(36) PRIMARY KEY,
    user_id varchar(255),
    project_id varchar(255) NOT NULL,
    name varchar(255),
    description varchar(255),
    size integer NOT NULL CHECK (size > 0),
    new_size integer,
    status varchar(255) NOT NULL,
    previous_status varchar(255),
    attach_status varchar(255) NOT NULL DEFAULT 'detached',
    migration_status varchar(255),
    host varchar(255),
    availability_zone varchar(255) NOT NULL,
    volume_type_id varchar(36) NOT NULL REFERENCES volume_types,
    snapshot_id varchar(36),
    source_volid varchar(36),
    source_image varchar(36),
    upload_image varchar(36),
    bootable boolean NOT NULL DEFAULT false,
    multiattach boolean NOT NULL DEFAULT false,
    readonly boolean,
    service_uuid varchar(36),
    shared_targets boolean NOT NULL DEFAULT true,
    metadata json NOT NULL DEFAULT '{}',
    scheduled_at timestamptz,
    launched_at timestamptz,
    terminated_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false,
    worker varchar(64),
    worker_seen timestamptz
);
CREATE INDEX volumes_project ON volumes (project_id, created_at DESC, id DESC) WHERE NOT deleted;
CREATE INDEX volumes_under_way ON volumes (status)
    WHERE NOT deleted AND status IN ('creating', 'downloading', 'uploading', 'extending', 'deleting');

CREATE TABLE snapshots (
    id varchar(36) PRIMARY KEY,
    volume_id varchar(36) NOT NULL REFERENCES volumes,
    user_id varchar(255),
    project_id varchar(255) NOT NULL,
    status varchar(255) NOT NULL,
    progress varchar(255),
    volume_size integer NOT NULL,
    name varchar(255),
    description varchar(255),
    volume_type_id varchar(36) NOT NULL REFERENCES volume_types,
    metadata json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false,
    worker varchar(64),
    worker_seen timestamptz
);
CREATE INDEX snapshots_project ON snapshots (project_id, created_at DESC, id DESC) WHERE NOT deleted;
CREATE INDEX snapshots_volume ON snapshots (volume_id) WHERE NOT deleted;

CREATE TABLE volume_glance_metadata (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    volume_id varchar(36) REFERENCES volumes,
    snapshot_id varchar(36) REFERENCES snapshots,
    key varchar(255) NOT NULL,
    value text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false,
    CHECK ((volume_id IS NULL) <> (snapshot_id IS NULL))
);
CREATE UNIQUE INDEX volume_glance_metadata_volume ON volume_glance_metadata (volume_id, key)
    WHERE NOT deleted AND volume_id IS NOT NULL;
CREATE UNIQUE INDEX volume_glance_metadata_snapshot ON volume_glance_metadata (snapshot_id, key)
    WHERE NOT deleted AND snapshot_id IS NOT NULL;

CREATE TABLE volume_attachment (
    id varchar(36) PRIMARY KEY,
    volume_id varchar(36) NOT NULL REFERENCES volumes,
    project_id varchar(255) NOT NULL,
    instance_uuid varchar(36),
    attached_host varchar(255),
    mountpoint varchar(255),
    attach_time timestamptz,
    detach_time timestamptz,
    attach_status varchar(255) NOT NULL,
    attach_mode varchar(36),
    connection_info json,
    connector json,
    created_at timestamptz NOT NULL,
    updated_at timestamptz,
    deleted_at timestamptz,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX volume_attachment_volume ON volume_attachment (volume_id) WHERE NOT deleted;

CREATE TABLE quotas (
    project_id varchar(255) NOT NULL,
    resource varchar(255) NOT NULL,
    hard_limit integer NOT NULL CHECK (hard_limit >= -1),
    PRIMARY KEY (project_id, resource)
);
CREATE TABLE quota_usages (
    project_id varchar(255) NOT NULL,
    resource varchar(255) NOT NULL,
    in_use bigint NOT NULL DEFAULT 0 CHECK (in_use >= 0),
    PRIMARY KEY (project_id, resource)
);

-- What became of a request after its answer; told to the user in place of a trace in a log.
CREATE TABLE messages (
    id varchar(36) PRIMARY KEY,
    project_id varchar(255) NOT NULL,
    request_id varchar(64),
    resource_type varchar(36) NOT NULL,
    resource_uuid varchar(36) NOT NULL,
    event_id varchar(64) NOT NULL,
    message_level varchar(16) NOT NULL DEFAULT 'ERROR',
    user_message text NOT NULL,
    created_at timestamptz NOT NULL,
    guaranteed_until timestamptz NOT NULL
);
CREATE INDEX messages_project ON messages (project_id, created_at DESC);
