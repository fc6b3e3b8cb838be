-- Volumes that are offered to another project. Of the key there is a salted hash only (cinder/transfer/api.py).
CREATE TABLE transfers (
    id varchar(36) PRIMARY KEY,
    volume_id varchar(36) NOT NULL REFERENCES volumes,
    source_project_id varchar(255) NOT NULL,
    name varchar(255),
    salt varchar(255) NOT NULL,
    crypt_hash varchar(255) NOT NULL,
    no_snapshots boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
