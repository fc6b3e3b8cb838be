-- What a simulated host has beside processors, memory and disk, and since when it runs.
ALTER TABLE compute_nodes ADD COLUMN inventory json NOT NULL DEFAULT '{}';
ALTER TABLE compute_nodes ADD COLUMN capabilities json NOT NULL DEFAULT '{}';
ALTER TABLE compute_nodes ADD COLUMN numa json NOT NULL DEFAULT '[]';
ALTER TABLE compute_nodes ADD COLUMN started_at timestamptz NOT NULL DEFAULT now();
-- claims of other classes than the three of the columns
ALTER TABLE allocations ADD COLUMN resources json NOT NULL DEFAULT '{}';
