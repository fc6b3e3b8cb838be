-- Several back ends: what an administrator changed of their services, and in whose name a migrated volume's data lies.
CREATE TABLE services (
    "binary" varchar(255) NOT NULL,
    host varchar(255) NOT NULL,
    disabled boolean NOT NULL DEFAULT false,
    disabled_reason varchar(255),
    frozen boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY ("binary", host)
);
ALTER TABLE volumes ADD COLUMN name_id varchar(36);
