-- Lists by name.
CREATE INDEX volumes_name ON volumes (project_id, name) WHERE NOT deleted;
-- What is on a host is counted from the index alone, for each volume that is to be placed.
CREATE INDEX volumes_host ON volumes (host) INCLUDE (id, size) WHERE NOT deleted AND host IS NOT NULL;
-- What sweeps look for among all volumes, of which there are few.
DROP INDEX volumes_under_way;
CREATE INDEX volumes_under_way ON volumes (status) WHERE NOT deleted AND status NOT IN ('available', 'in-use');
CREATE INDEX volumes_migrating ON volumes (migration_status) WHERE NOT deleted AND migration_status IS NOT NULL;
