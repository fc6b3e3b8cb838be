-- The address a server has while it lives: deleted servers hold none, so an address is whoever's row it is in.
CREATE TABLE fixed_ips (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid varchar(36) NOT NULL UNIQUE,
    instance_uuid varchar(36) NOT NULL REFERENCES instances (uuid) ON DELETE CASCADE,
    label varchar(255) NOT NULL,
    address inet NOT NULL CHECK (family(address) = 4 AND masklen(address) = 32),
    mac varchar(17) NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX fixed_ips_address ON fixed_ips (label, address);
CREATE UNIQUE INDEX fixed_ips_mac ON fixed_ips (mac);
CREATE UNIQUE INDEX fixed_ips_instance ON fixed_ips (instance_uuid, label);
