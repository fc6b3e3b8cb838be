-- An image's data may be in several stores, under the same name in each.
ALTER TABLE image_locations DROP CONSTRAINT image_locations_image_id_key;
ALTER TABLE image_locations DROP CONSTRAINT image_locations_value_key;
ALTER TABLE image_locations ADD COLUMN store varchar(255) NOT NULL DEFAULT 'file';
ALTER TABLE image_locations ALTER COLUMN store DROP DEFAULT;
ALTER TABLE image_locations ADD UNIQUE (image_id, store);
