#!/bin/sh
# Starts PostgreSQL with TLS: it takes a key only that nobody else can read, which a mounted secret is not.
set -eu
cp /run/secrets/postgres.crt /run/secrets/postgres.key /run/postgres-tls/
chmod 600 /run/postgres-tls/postgres.key
exec docker-entrypoint.sh postgres -c ssl=on -c ssl_cert_file=/run/postgres-tls/postgres.crt \
  -c ssl_key_file=/run/postgres-tls/postgres.key -c hba_file=/etc/stackwire/pg_hba.conf "$@"
