-- An image's properties are read by the image and in their order, whatever the statistics say: an index on the value
-- that ends with the image would be walked in skips, which without statistics seems cheap and is not.
CREATE INDEX image_properties_of_image ON image_properties (image_id, id) WHERE deleted_at IS NULL;
DROP INDEX image_properties_by_value;
CREATE INDEX image_properties_by_value ON image_properties (name, md5(value)) INCLUDE (image_id) WHERE deleted_at IS NULL;
-- Whether a list is walked by owner or by property is decided by statistics: they are renewed sooner than usual.
ALTER TABLE images SET (autovacuum_analyze_threshold = 100, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE image_properties SET (autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE image_members SET (autovacuum_analyze_threshold = 100, autovacuum_analyze_scale_factor = 0.05);
