-- How large a volume is that was there before is known when its back end has looked: until then it has no size.
ALTER TABLE volumes DROP CONSTRAINT volumes_size_check;
ALTER TABLE volumes ADD CONSTRAINT volumes_size_check CHECK (size > 0 OR (size = 0 AND launched_at IS NULL));
