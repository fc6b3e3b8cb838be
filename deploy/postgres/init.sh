#!/bin/sh
# For each service a role that may log in, and a schema of its own; no role can read another's. At the first start of a
# PostgreSQL of our own; against another one with PGHOST and so on, and again to give the roles new passwords.
set -eu
secrets=${SECRETS:-/run/secrets}
query() { psql -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"; }
role() {
  query -v role="$1" -v password="$(head -1 "$secrets/$1_db_password")" <<'SQL'
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
SQL
}
for service in identity image volume compute trace index; do
  role "$service"
  query -v role="$service" <<'SQL'
GRANT :"role" TO CURRENT_USER;
CREATE SCHEMA IF NOT EXISTS :"role" AUTHORIZATION :"role";
ALTER ROLE :"role" SET search_path = :"role";
SQL
done
# glance-registry has no schema: the image service's migrations grant it the tables of images.
role registry
query -c 'REVOKE ALL ON SCHEMA public FROM PUBLIC'
