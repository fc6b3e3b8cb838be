-- What a server is being resized to: it counts against the quota from the request on, not when the host has done it.
CREATE TABLE resize_claims (
    instance_uuid varchar(36) PRIMARY KEY,
    vcpus integer NOT NULL,
    memory_mb integer NOT NULL
);
