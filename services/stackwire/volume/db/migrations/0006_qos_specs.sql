-- What volumes of a type may do per second. Cinder has a row for each key; here they are one value.
CREATE TABLE quality_of_service_specs (
    id varchar(36) PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE,
    consumer varchar(255) NOT NULL,
    specs json NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz
);
ALTER TABLE volume_types ADD COLUMN qos_specs_id varchar(36) REFERENCES quality_of_service_specs;
