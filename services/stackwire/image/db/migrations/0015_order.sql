-- Who walks along the images of one kind is not to take the index of all of them, which without statistics seems as good:
-- only a statement that has the same condition can.
DROP INDEX images_by_time;
CREATE INDEX images_by_time ON images (created_at DESC, id DESC) WHERE deleted_at IS NULL AND created_at > '-infinity';
