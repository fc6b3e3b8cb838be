-- Who is at work on a volume or snapshot stands in a table of its own, as in the other services.
CREATE TABLE leases (
    noun text NOT NULL,
    id text NOT NULL,
    owner text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (noun, id)
);
ALTER TABLE volumes DROP COLUMN worker, DROP COLUMN worker_seen;
ALTER TABLE snapshots DROP COLUMN worker, DROP COLUMN worker_seen;
