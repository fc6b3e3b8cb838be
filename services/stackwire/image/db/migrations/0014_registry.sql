-- In the releases that have it glance-registry works in these tables under a role of its own: those of images, and what
-- a change of an image writes beside them (leases, messages, what nodes have cached). Not tasks, not metadata definitions.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'registry') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO registry', current_schema());
        GRANT SELECT ON schema_migrations TO registry;
        GRANT SELECT, INSERT, UPDATE, DELETE
           ON images, image_properties, image_tags, image_locations, image_members, leases, outbox, cached_images,
              cache_queue
           TO registry;
    END IF;
END $$;
