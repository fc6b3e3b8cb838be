-- Cinder's table of cached volumes (cinder/db/models.py: ImageVolumeCacheEntry): on each host, at most one of an image.
CREATE TABLE image_volume_cache_entries (
    id serial PRIMARY KEY,
    host varchar(255) NOT NULL,
    cluster_name varchar(255),
    image_id varchar(36) NOT NULL,
    image_updated_at timestamptz,
    volume_id varchar(36) NOT NULL UNIQUE REFERENCES volumes,
    size integer NOT NULL,
    last_used timestamptz NOT NULL,
    UNIQUE (image_id, host)
);
CREATE INDEX image_volume_cache_entries_host ON image_volume_cache_entries (host, last_used);
