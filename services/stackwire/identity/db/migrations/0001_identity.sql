-- Who there is, and who may do what where. Ids are texts of Keystone's own form (32 hex digits, or a given name such as
-- "default"). `extra` keeps attributes Keystone stores without knowing them.

CREATE TABLE domains (
    id varchar(64) PRIMARY KEY,
    name varchar(64) NOT NULL UNIQUE,
    description text DEFAULT '',
    enabled boolean NOT NULL DEFAULT true,
    extra jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE projects (
    id varchar(64) PRIMARY KEY,
    domain_id varchar(64) NOT NULL REFERENCES domains ON DELETE CASCADE,
    parent_id varchar(64) REFERENCES projects,
    name varchar(64) NOT NULL,
    description text DEFAULT '',
    enabled boolean NOT NULL DEFAULT true,
    tags text[] NOT NULL DEFAULT '{}',
    extra jsonb NOT NULL DEFAULT '{}',
    UNIQUE (domain_id, name)
);
CREATE INDEX projects_parent ON projects (parent_id);

CREATE TABLE users (
    id varchar(64) PRIMARY KEY,
    domain_id varchar(64) NOT NULL REFERENCES domains ON DELETE CASCADE,
    name varchar(255) NOT NULL,
    description text,
    enabled boolean NOT NULL DEFAULT true,
    password_hash text,
    default_project_id varchar(64),
    extra jsonb NOT NULL DEFAULT '{}',
    UNIQUE (domain_id, name)
);

CREATE TABLE groups (
    id varchar(64) PRIMARY KEY,
    domain_id varchar(64) NOT NULL REFERENCES domains ON DELETE CASCADE,
    name varchar(64) NOT NULL,
    description text DEFAULT '',
    extra jsonb NOT NULL DEFAULT '{}',
    UNIQUE (domain_id, name)
);

CREATE TABLE group_members (
    group_id varchar(64) NOT NULL REFERENCES groups ON DELETE CASCADE,
    user_id varchar(64) NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE roles (
    id varchar(64) PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    description text,
    extra jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE implied_roles (
    prior_id varchar(64) NOT NULL REFERENCES roles ON DELETE CASCADE,
    implied_id varchar(64) NOT NULL REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (prior_id, implied_id),
    CHECK (prior_id <> implied_id)
);

-- One actor (user or group), one target (project, domain or the system), one role.
CREATE TABLE assignments (
    user_id varchar(64) REFERENCES users ON DELETE CASCADE,
    group_id varchar(64) REFERENCES groups ON DELETE CASCADE,
    project_id varchar(64) REFERENCES projects ON DELETE CASCADE,
    domain_id varchar(64) REFERENCES domains ON DELETE CASCADE,
    role_id varchar(64) NOT NULL REFERENCES roles ON DELETE CASCADE,
    CHECK (num_nonnulls(user_id, group_id) = 1),
    CHECK (num_nonnulls(project_id, domain_id) <= 1)
);
CREATE UNIQUE INDEX assignments_once ON assignments (
    coalesce(user_id, ''), coalesce(group_id, ''), coalesce(project_id, ''), coalesce(domain_id, ''), role_id
);
CREATE INDEX assignments_user ON assignments (user_id);
CREATE INDEX assignments_group ON assignments (group_id);
CREATE INDEX assignments_project ON assignments (project_id);
CREATE INDEX assignments_domain ON assignments (domain_id);
CREATE INDEX assignments_role ON assignments (role_id);

-- Tokens of `key` issued at `before` or earlier are void; `until`: when the last of them has expired anyway.
CREATE TABLE revocations (
    key text PRIMARY KEY,
    before timestamptz NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX revocations_until ON revocations (until);
