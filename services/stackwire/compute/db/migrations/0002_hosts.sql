-- What a server occupies on a host: claimed by the scheduler before anything is built (placement's allocations).
CREATE TABLE allocations (
    instance_uuid varchar(36) PRIMARY KEY REFERENCES instances (uuid) ON DELETE CASCADE,
    host varchar(255) NOT NULL,
    vcpus integer NOT NULL,
    memory_mb integer NOT NULL,
    disk_gb integer NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX allocations_host ON allocations (host);

ALTER TABLE compute_nodes ADD COLUMN traits text[] NOT NULL DEFAULT '{}';
ALTER TABLE compute_nodes ADD COLUMN zone varchar(255) NOT NULL DEFAULT 'nova';
-- the process that speaks for a host, so that a second one leaves the first one's work alone
ALTER TABLE services ADD COLUMN process varchar(36);
