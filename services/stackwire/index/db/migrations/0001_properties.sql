-- Where each property is now. Nothing here is original: it can be read from the services again at any time.
CREATE TABLE properties (
    kind varchar(16) NOT NULL,
    id varchar(36) NOT NULL,
    key varchar(255) NOT NULL,
    value text,
    since timestamptz NOT NULL,
    PRIMARY KEY (kind, id, key)
);
CREATE INDEX properties_key ON properties (key, kind, id);

CREATE TABLE rebuilds (
    began_at timestamptz PRIMARY KEY,
    ended_at timestamptz,
    resources bigint NOT NULL DEFAULT 0
);
