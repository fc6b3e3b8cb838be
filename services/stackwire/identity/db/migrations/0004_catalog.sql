-- What administrators changed of the catalogue, over what it is by settings: a row of the same id stands for that of the
-- settings, one with `deleted` for its absence. An endpoint whose url is NULL is where the settings say.

CREATE TABLE services (
    id varchar(64) PRIMARY KEY,
    type varchar(255) NOT NULL,
    name varchar(255) NOT NULL,
    enabled boolean NOT NULL,
    extra jsonb NOT NULL DEFAULT '{}',
    deleted boolean NOT NULL DEFAULT false
);

CREATE TABLE endpoints (
    id varchar(64) PRIMARY KEY,
    service_id varchar(64) NOT NULL,
    interface varchar(8) NOT NULL,
    region_id varchar(255),
    url text,
    enabled boolean NOT NULL,
    extra jsonb NOT NULL DEFAULT '{}',
    deleted boolean NOT NULL DEFAULT false
);

CREATE TABLE regions (
    id varchar(255) PRIMARY KEY,
    description text NOT NULL,
    parent_region_id varchar(255),
    extra jsonb NOT NULL DEFAULT '{}',
    deleted boolean NOT NULL DEFAULT false
);

-- Unified limits: records for whoever enforces them. A limit takes service, region and name from what it is a limit of.
CREATE TABLE registered_limits (
    id varchar(64) PRIMARY KEY,
    service_id varchar(64) NOT NULL,
    region_id varchar(255),
    resource_name varchar(255) NOT NULL,
    default_limit integer NOT NULL,
    description text
);
CREATE UNIQUE INDEX registered_limits_once ON registered_limits (service_id, coalesce(region_id, ''), resource_name);

CREATE TABLE limits (
    id varchar(64) PRIMARY KEY,
    registered_limit_id varchar(64) NOT NULL REFERENCES registered_limits,
    project_id varchar(64) REFERENCES projects ON DELETE CASCADE,
    domain_id varchar(64) REFERENCES domains ON DELETE CASCADE,
    resource_limit integer NOT NULL,
    description text,
    CHECK (num_nonnulls(project_id, domain_id) = 1)
);
CREATE UNIQUE INDEX limits_once ON limits (registered_limit_id, coalesce(project_id, ''), coalesce(domain_id, ''));
CREATE INDEX limits_project ON limits (project_id);
CREATE INDEX limits_domain ON limits (domain_id);
