-- An image's data may be elsewhere, at a URI; several such places may be read by one store. They are tried in order.
ALTER TABLE image_locations ALTER COLUMN value DROP NOT NULL;
ALTER TABLE image_locations ADD COLUMN url text;
ALTER TABLE image_locations ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}';
ALTER TABLE image_locations ADD COLUMN position integer NOT NULL DEFAULT 0;
ALTER TABLE image_locations ADD CHECK ((value IS NULL) <> (url IS NULL));
ALTER TABLE image_locations DROP CONSTRAINT image_locations_image_id_store_key;
CREATE UNIQUE INDEX image_locations_ours ON image_locations (image_id, store) WHERE url IS NULL;
CREATE UNIQUE INDEX image_locations_elsewhere ON image_locations (image_id, md5(url), md5(metadata::text))
 WHERE url IS NOT NULL;
