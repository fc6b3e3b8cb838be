-- The type that a volume is getting while it is retyped: it counts against that type's limits from the request on.
ALTER TABLE volumes ADD COLUMN new_type_id varchar(36);
