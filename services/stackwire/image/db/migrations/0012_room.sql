-- A changed image's row finds room on its page: none of the indexes has to be told.
ALTER TABLE images SET (fillfactor = 80);
