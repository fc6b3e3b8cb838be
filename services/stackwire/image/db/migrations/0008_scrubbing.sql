-- Deleted images whose data is still there, for the scrubber.
CREATE INDEX images_to_scrub ON images (deleted_at) WHERE status = 'pending_delete';
