-- A list filtered by a property is walked along the property, in the order lists have unless they are told another:
-- a page costs the same however many images have the property, and no statistics are needed to see that.
ALTER TABLE image_properties ADD COLUMN image_created_at timestamptz;
UPDATE image_properties p SET image_created_at = i.created_at FROM images i WHERE i.id = p.image_id;
ALTER TABLE image_properties ALTER COLUMN image_created_at SET NOT NULL;
DROP INDEX image_properties_by_value;
CREATE INDEX image_properties_by_value ON image_properties
    (name, md5(value), image_created_at DESC, image_id DESC) WHERE deleted_at IS NULL;
