-- How many builds in a row a host has failed (stats.failed_builds of Nova's compute node): BuildFailureWeigher.
ALTER TABLE compute_nodes ADD COLUMN failed_builds integer NOT NULL DEFAULT 0;
