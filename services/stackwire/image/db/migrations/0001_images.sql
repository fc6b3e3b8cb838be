-- Images and what belongs to them. Ids are kept for ever: a deleted image's id is never given out again.
CREATE TABLE images (
    id varchar(36) PRIMARY KEY,
    name varchar(255),
    status varchar(30) NOT NULL,
    visibility varchar(30) NOT NULL,
    protected boolean NOT NULL DEFAULT false,
    os_hidden boolean NOT NULL DEFAULT false,
    owner varchar(255),
    disk_format varchar(20),
    container_format varchar(20),
    min_disk integer NOT NULL DEFAULT 0 CHECK (min_disk >= 0),
    min_ram integer NOT NULL DEFAULT 0 CHECK (min_ram >= 0),
    size bigint CHECK (size >= 0),
    virtual_size bigint CHECK (virtual_size >= 0),
    checksum varchar(32),
    os_hash_algo varchar(64),
    os_hash_value varchar(128),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    -- The upload under way: who writes, into which object of the store, and how many bytes it holds of the quota.
    worker varchar(255),
    object varchar(255),
    reserved bigint NOT NULL DEFAULT 0,
    CHECK (status <> 'active' OR (disk_format IS NOT NULL AND container_format IS NOT NULL))
);
-- Each kind of visibility is walked in the order of the list on its own.
CREATE INDEX images_of_owner ON images (owner, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX images_by_visibility ON images (visibility, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX images_by_time ON images (created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX images_by_name ON images (name) WHERE deleted_at IS NULL;
CREATE INDEX images_in_transit ON images (status) WHERE deleted_at IS NULL AND status NOT IN ('active', 'queued');

-- A removed property keeps its row, which is used again when the property is set again.
CREATE TABLE image_properties (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id varchar(36) NOT NULL REFERENCES images (id),
    name varchar(255) NOT NULL,
    value text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    UNIQUE (image_id, name)
);
-- A value may be longer than an index entry, its digest is not.
CREATE INDEX image_properties_by_value ON image_properties (name, md5(value), image_id) WHERE deleted_at IS NULL;

CREATE TABLE image_tags (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id varchar(36) NOT NULL REFERENCES images (id),
    value varchar(255) NOT NULL,
    UNIQUE (image_id, value)
);
CREATE INDEX image_tags_by_value ON image_tags (value, image_id);

CREATE TABLE image_locations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id varchar(36) NOT NULL UNIQUE REFERENCES images (id),
    value varchar(255) NOT NULL UNIQUE,
    status varchar(30) NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL
);

CREATE TABLE image_members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id varchar(36) NOT NULL REFERENCES images (id),
    member varchar(255) NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'pending',
    can_share boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    deleted boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    UNIQUE (image_id, member)
);
CREATE INDEX image_members_by_member ON image_members (member, status) WHERE deleted_at IS NULL;

-- Who writes uploads, and when it last said so.
CREATE TABLE services (
    host varchar(255) PRIMARY KEY,
    address varchar(255) NOT NULL,
    last_seen timestamptz NOT NULL
);
CREATE INDEX images_written_by ON images (worker) WHERE worker IS NOT NULL;
