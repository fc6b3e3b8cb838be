-- Volumes asked for before the server that wants them is written: whoever dies in between has left word of them.
CREATE TABLE reservations (
    attachment_id varchar(36) PRIMARY KEY,
    instance_uuid varchar(36) NOT NULL,
    created_at timestamptz NOT NULL,
    abandoned boolean NOT NULL DEFAULT false
);
CREATE INDEX reservations_age ON reservations (created_at);
