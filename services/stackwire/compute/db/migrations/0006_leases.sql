-- Which process runs a host stands in a table of its own, as in the other services.
CREATE TABLE leases (
    noun text NOT NULL,
    id text NOT NULL,
    owner text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (noun, id)
);
ALTER TABLE services DROP COLUMN process;
