-- Groups of servers with a policy about their hosts (nova/db/api/models.py: InstanceGroup and its tables).
CREATE TABLE instance_groups (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid varchar(36) NOT NULL UNIQUE,
    user_id varchar(255) NOT NULL,
    project_id varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    policy varchar(255) NOT NULL,
    rules json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz
);
CREATE INDEX instance_groups_project ON instance_groups (project_id);
CREATE TABLE instance_group_member (
    instance_uuid varchar(36) PRIMARY KEY REFERENCES instances (uuid) ON DELETE CASCADE,
    group_id integer NOT NULL REFERENCES instance_groups (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE INDEX instance_group_member_group ON instance_group_member (group_id);
