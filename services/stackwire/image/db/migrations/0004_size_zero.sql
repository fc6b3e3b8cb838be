-- The v1 API makes images of nothing but metadata active (size 0): these need no formats.
ALTER TABLE images DROP CONSTRAINT images_check;
ALTER TABLE images ADD CONSTRAINT images_active_are_something CHECK (
    status <> 'active' OR (disk_format IS NOT NULL AND container_format IS NOT NULL) OR (size = 0 AND object IS NULL)
);
