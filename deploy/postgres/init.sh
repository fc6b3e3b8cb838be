#!/bin/sh
# At the first start: for each service a role that may log in, and a schema of its own. No role can read another's.
set -eu
for service in identity image volume compute trace index; do
  variable=$(echo "$service" | tr a-z A-Z)_DB_PASSWORD
  eval "password=\${$variable}"
  psql -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    -v service="$service" -v password="$password" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE SCHEMA :"service" AUTHORIZATION :"service";
ALTER ROLE :"service" SET search_path = :"service";
SQL
done
# glance-registry has no schema: the image service's migrations grant it the tables of images.
psql -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" -v password="$REGISTRY_DB_PASSWORD" <<'SQL'
CREATE ROLE registry LOGIN PASSWORD :'password';
SQL
psql -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -c 'REVOKE ALL ON SCHEMA public FROM PUBLIC'
