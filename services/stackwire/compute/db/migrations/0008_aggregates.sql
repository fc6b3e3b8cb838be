-- Groups of hosts that administrators make (nova/db/api/models.py: Aggregate, with its hosts and metadata).
CREATE TABLE aggregates (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid varchar(36) NOT NULL UNIQUE,
    name varchar(255) NOT NULL UNIQUE,
    hosts text[] NOT NULL DEFAULT '{}',
    metadata json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz
);
