-- What a user lets tools and other users do: application credentials, trusts, and credentials of other kinds (EC2).

CREATE TABLE application_credentials (
    id varchar(64) PRIMARY KEY,
    user_id varchar(64) NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id varchar(64) NOT NULL REFERENCES projects ON DELETE CASCADE,
    name varchar(255) NOT NULL,
    description text,
    secret_hash text NOT NULL,
    expires_at timestamptz,
    unrestricted boolean,
    system varchar(64),
    UNIQUE (user_id, name)
);
CREATE INDEX application_credentials_project ON application_credentials (project_id);

CREATE TABLE application_credential_roles (
    application_credential_id varchar(64) NOT NULL REFERENCES application_credentials ON DELETE CASCADE,
    role_id varchar(64) NOT NULL REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (application_credential_id, role_id)
);

-- Rules are the user's: credentials share them, and they outlive those.
CREATE TABLE access_rules (
    id varchar(64) PRIMARY KEY,
    user_id varchar(64) NOT NULL REFERENCES users ON DELETE CASCADE,
    service varchar(64) NOT NULL,
    path varchar(225) NOT NULL,
    method varchar(16) NOT NULL,
    UNIQUE (user_id, service, path, method)
);

CREATE TABLE application_credential_access_rules (
    application_credential_id varchar(64) NOT NULL REFERENCES application_credentials ON DELETE CASCADE,
    access_rule_id varchar(64) NOT NULL REFERENCES access_rules,
    position integer NOT NULL,
    PRIMARY KEY (application_credential_id, access_rule_id)
);
CREATE INDEX application_credential_access_rules_rule ON application_credential_access_rules (access_rule_id);

CREATE TABLE trusts (
    id varchar(64) PRIMARY KEY,
    trustor_user_id varchar(64) NOT NULL REFERENCES users ON DELETE CASCADE,
    trustee_user_id varchar(64) NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id varchar(64) REFERENCES projects ON DELETE CASCADE,
    impersonation boolean NOT NULL,
    expires_at timestamptz,
    remaining_uses integer,
    redelegated_trust_id varchar(64) REFERENCES trusts ON DELETE CASCADE,
    redelegation_count integer NOT NULL,
    extra jsonb NOT NULL DEFAULT '{}',
    UNIQUE (trustor_user_id, trustee_user_id, project_id, impersonation, expires_at)
);
CREATE INDEX trusts_trustor ON trusts (trustor_user_id);
CREATE INDEX trusts_trustee ON trusts (trustee_user_id);
CREATE INDEX trusts_project ON trusts (project_id);
CREATE INDEX trusts_redelegated ON trusts (redelegated_trust_id);

CREATE TABLE trust_roles (
    trust_id varchar(64) NOT NULL REFERENCES trusts ON DELETE CASCADE,
    role_id varchar(64) NOT NULL REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (trust_id, role_id)
);

-- `blob` is encrypted. A project may be named that is none: it is checked when the credential is used.
CREATE TABLE credentials (
    id varchar(64) PRIMARY KEY,
    user_id varchar(64) NOT NULL REFERENCES users ON DELETE CASCADE,
    project_id varchar(64),
    type varchar(255) NOT NULL,
    encrypted_blob bytea NOT NULL,
    extra jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX credentials_user ON credentials (user_id);
