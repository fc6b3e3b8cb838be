-- The image cache: what each node has in its folder, and what it shall fetch. A node is known by its address.
CREATE TABLE cached_images (
    node varchar(255) NOT NULL,
    image_id varchar(36) NOT NULL REFERENCES images (id),
    -- The bytes, by the name they have in the store.
    object varchar(255) NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    checksum varchar(32),
    hits bigint NOT NULL DEFAULT 0,
    last_accessed timestamptz NOT NULL,
    last_modified timestamptz NOT NULL,
    PRIMARY KEY (node, image_id)
);
CREATE INDEX cached_images_by_access ON cached_images (node, last_accessed);
CREATE INDEX cached_images_of_image ON cached_images (image_id);

CREATE TABLE cache_queue (
    node varchar(255) NOT NULL,
    image_id varchar(36) NOT NULL REFERENCES images (id),
    queued_at timestamptz NOT NULL,
    PRIMARY KEY (node, image_id)
);
