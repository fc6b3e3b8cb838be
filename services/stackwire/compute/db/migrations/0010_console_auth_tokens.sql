-- Who may connect to which console, until when (nova/db/main/models.py: ConsoleAuthToken). Tokens lie here as digests.
CREATE TABLE console_auth_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash varchar(64) NOT NULL UNIQUE,
    console_type varchar(255) NOT NULL,
    host varchar(255) NOT NULL,
    port integer NOT NULL,
    tls_port integer,
    internal_access_path varchar(255),
    instance_uuid varchar(36) NOT NULL REFERENCES instances (uuid) ON DELETE CASCADE,
    access_url_base varchar(255) NOT NULL,
    expires bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX console_auth_tokens_instance ON console_auth_tokens (instance_uuid);
CREATE INDEX console_auth_tokens_expires ON console_auth_tokens (expires);
