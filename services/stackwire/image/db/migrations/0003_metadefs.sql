-- What properties mean: namespaces of definitions. Nothing of a namespace outlives it, so nothing is kept when deleted.
CREATE TABLE metadef_namespaces (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace varchar(80) NOT NULL UNIQUE,
    display_name varchar(80),
    description varchar(500),
    visibility varchar(32) NOT NULL CHECK (visibility IN ('public', 'private')),
    protected boolean NOT NULL DEFAULT false,
    owner varchar(255),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX metadef_namespaces_by_time ON metadef_namespaces (created_at, id);

-- Objects, properties and tags differ in their definition alone.
CREATE TABLE metadef_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace_id bigint NOT NULL REFERENCES metadef_namespaces (id) ON DELETE CASCADE,
    kind varchar(10) NOT NULL CHECK (kind IN ('object', 'property', 'tag')),
    name varchar(80) NOT NULL,
    definition json NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (namespace_id, kind, name)
);

-- A resource type stays when the last namespace is gone from it.
CREATE TABLE metadef_resource_types (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(80) NOT NULL UNIQUE,
    protected boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE metadef_associations (
    namespace_id bigint NOT NULL REFERENCES metadef_namespaces (id) ON DELETE CASCADE,
    resource_type_id bigint NOT NULL REFERENCES metadef_resource_types (id),
    prefix varchar(80),
    properties_target varchar(80),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (namespace_id, resource_type_id)
);
CREATE INDEX metadef_associations_by_type ON metadef_associations (resource_type_id);

-- What the catalogue has given once is the operator's from then on, deleting it included.
CREATE TABLE metadef_given (
    name varchar(80) PRIMARY KEY,
    given_at timestamptz NOT NULL
);
