-- What allocations claim of each host, as the sum of its rows here: with a hundred thousand allocations to add up for
-- each server that is placed, placing would cost what servers there are. Who claims or frees adds a row in the same
-- statement, and waits for nobody; who claims, under the lock of allocations, makes one row of those of its host.
CREATE TABLE allocation_sums (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host varchar(255) NOT NULL,
    vcpus bigint NOT NULL,
    memory_mb bigint NOT NULL,
    disk_gb bigint NOT NULL,
    servers bigint NOT NULL
);
CREATE INDEX allocation_sums_host ON allocation_sums (host);
INSERT INTO allocation_sums (host, vcpus, memory_mb, disk_gb, servers)
    SELECT host, sum(vcpus), sum(memory_mb), sum(disk_gb), count(*) FILTER (WHERE consumer = instance_uuid)
      FROM allocations GROUP BY host;
-- Nothing is summed from the index any more.
CREATE INDEX allocations_host ON allocations (host);
DROP INDEX allocations_summed;
