-- Who is at work on an image or a task, and until when its claim lasts unless it is renewed.
CREATE TABLE leases (
    noun text NOT NULL,
    id text NOT NULL,
    owner text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (noun, id)
);
CREATE INDEX leases_of_owner ON leases (owner);
-- The columns and the heartbeats that said so before.
ALTER TABLE images DROP COLUMN worker;
ALTER TABLE tasks DROP COLUMN worker;
DROP TABLE services;
-- For recovery: tasks at work, and images whose bytes are being written or are to be removed.
CREATE INDEX tasks_at_work ON tasks (id) WHERE status = 'processing' AND deleted_at IS NULL;
CREATE INDEX images_being_written ON images (status)
 WHERE coalesce(object, staged) IS NOT NULL AND status IN ('saving', 'uploading', 'importing', 'deleted');
DROP INDEX images_in_transit;
