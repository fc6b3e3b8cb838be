-- What administrators keep beside volumes: default limits, types of groups, how volumes of a type are encrypted.
CREATE TABLE quota_classes (
    class_name varchar(255) NOT NULL,
    resource varchar(255) NOT NULL,
    hard_limit integer NOT NULL CHECK (hard_limit >= -1),
    PRIMARY KEY (class_name, resource)
);
CREATE TABLE group_types (
    id varchar(36) PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    description varchar(255),
    is_public boolean NOT NULL DEFAULT true,
    group_specs json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz
);
INSERT INTO group_types (id, name, description, group_specs, created_at)
VALUES (gen_random_uuid()::text, 'default_cgsnapshot_type', 'Default group type for migrating cgsnapshot',
        '{"consistent_group_snapshot_enabled": "<is> True"}', now());
CREATE TABLE encryption (
    encryption_id varchar(36) PRIMARY KEY,
    volume_type_id varchar(36) NOT NULL UNIQUE REFERENCES volume_types,
    provider varchar(255) NOT NULL,
    control_location varchar(255) NOT NULL,
    cipher varchar(255),
    key_size integer,
    created_at timestamptz NOT NULL,
    updated_at timestamptz
);
