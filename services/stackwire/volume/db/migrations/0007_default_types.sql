-- The volume type that a project's new volumes have when none is named.
CREATE TABLE default_volume_types (
    project_id varchar(255) PRIMARY KEY,
    volume_type_id varchar(36) NOT NULL REFERENCES volume_types
);
